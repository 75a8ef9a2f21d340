package store

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type logRow struct {
	Deployment int64
	Number     int64
	At         stamp
	Source     string
	Stream     string
	Line       string
}

func (r logRow) domain() slipway.LogLine {
	return slipway.LogLine{Number: r.Number, At: r.At.Time, Source: r.Source, Stream: r.Stream, Text: r.Line}
}

// logBatch keeps one INSERT below the number of variables databases take.
const logBatch = 500

type logs struct{ *tx }

// Append gives the lines their numbers: they go on from the last one kept.
// What the lines bring along as numbers does not matter.
func (s logs) Append(ctx context.Context, deployment int64, lines []slipway.LogLine, cursor string) error {
	head, err := one[struct{ Lines int64 }](ctx, s.tx, "log", "", `INSERT INTO log_cursors (deployment, position, lines)
		VALUES (?, ?, ?) ON CONFLICT (deployment) DO UPDATE
		SET position = excluded.position, lines = log_cursors.lines + excluded.lines RETURNING lines`,
		deployment, cursor, len(lines))
	if err != nil {
		return err
	}
	number := head.Lines - int64(len(lines))
	for some := range slices.Chunk(lines, logBatch) {
		var values []any
		for _, line := range some {
			number++
			values = append(values, deployment, number, stampOf(line.At), line.Source, line.Stream, line.Text)
		}
		// Past gorm: nothing is written as often.
		_, err := s.exec(ctx, "append log", `INSERT INTO deployment_logs (deployment, number, at, source, stream, line) VALUES (?, ?, ?, ?, ?, ?)`+
			strings.Repeat(`, (?, ?, ?, ?, ?, ?)`, len(some)-1)+` ON CONFLICT DO NOTHING`, values...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s logs) Cursor(ctx context.Context, deployment int64) (string, error) {
	rows, err := many[struct{ Position string }](ctx, s.tx, "read log cursor",
		`SELECT position FROM log_cursors WHERE deployment = ?`, deployment)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0].Position, nil
}

func (s logs) After(ctx context.Context, deployment, after int64, limit int) ([]slipway.LogLine, error) {
	return lists(ctx, s.tx, logRow.domain, "read log",
		`SELECT * FROM deployment_logs WHERE deployment = ? AND number > ? ORDER BY number LIMIT ?`,
		deployment, after, limitOf(slipway.Page{Limit: limit}))
}
