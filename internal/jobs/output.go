package jobs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Line is one line that a command printed.
type Line struct {
	At     time.Time
	Stream string // "stdout" or "stderr"
	Text   string
}

const (
	maxLines    = 10_000
	streamStart = len("std")
)

func formatLine(l Line) string {
	return l.At.UTC().Format(time.RFC3339Nano) + " " + l.Stream[streamStart:] + " " + l.Text + "\n"
}

func parseLine(text string) (Line, error) {
	at, rest, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
	stream, text, _ := strings.Cut(rest, " ")
	when, err := time.Parse(time.RFC3339Nano, at)
	return Line{At: when, Stream: streamOut[:streamStart] + stream, Text: text}, err
}

// Output returns up to limit lines after the cursor (empty: from the first) and
// the cursor to go on from. No new lines is no error, nor is a job that nobody
// knows. Of a very long output the beginning is kept, and a line says so.
func (r *Runner) Output(ctx context.Context, key, cursor string, limit int) (lines []Line, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, cursor, err
	}
	offset := int64(0)
	if cursor != "" {
		if offset, err = strconv.ParseInt(cursor, 10, 64); err != nil || offset < 0 {
			return nil, cursor, fmt.Errorf("the cursor %q is not one of ours", cursor)
		}
	}
	file, err := os.Open(filepath.Join(r.path(key), outputName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cursor, nil
	}
	if err != nil {
		return nil, cursor, err
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, cursor, err
	}
	reader := bufio.NewReader(file)
	for len(lines) < min(limit, maxLines) {
		raw, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // half a line: the rest is still to come
		}
		if err != nil {
			return nil, cursor, err
		}
		line, err := parseLine(raw)
		if err != nil {
			return nil, cursor, fmt.Errorf("the cursor %q is not one of ours: %w", cursor, err)
		}
		offset += int64(len(raw))
		lines = append(lines, line)
	}
	return lines, strconv.FormatInt(offset, 10), nil
}
