package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

const statusEvery = 2 * time.Second

func statusCommand() *cobra.Command {
	var team string
	cmd := command("status [SERVICE]", "Show which version runs where", cobra.MaximumNArgs(1), func(ctx context.Context, c *cli, args []string) error {
		service := strings.Join(args, "")
		var last []byte
		drawing := newPicture(c.out)
		look := func() (bool, error) {
			rows, raw, err := c.board(ctx, team, service)
			if err != nil {
				return false, err
			}
			if service != "" && len(rows) == 0 {
				_, err := c.Service(ctx, service) // says what is wrong with it
				return true, err
			}
			if bytes.Equal(last, raw) {
				return !c.watch, nil
			}
			last = raw
			if c.draws() {
				return false, drawing.draw(boardLines(rows))
			}
			return !c.watch, c.show(raw, func(t *table) { printBoard(t, rows) })
		}
		return every(ctx, statusEvery, look)
	})
	cmd.Flags().StringVar(&team, "team", "", "only of this team")
	cmd.Flags().Bool("watch", false, "show it again at each change")
	return cmd
}

// board reads all pages. The server looks for part of a name; here a name is a
// whole one.
func (c *cli) board(ctx context.Context, team, service string) (rows []client.BoardRow, raw json.RawMessage, err error) {
	all := []json.RawMessage{}
	for cursor := ""; ; {
		page, err := c.Board(ctx, team, service, cursor)
		if err != nil {
			return nil, nil, err
		}
		var bare struct {
			Rows []json.RawMessage `json:"rows"`
		}
		if err := json.Unmarshal(page.Raw, &bare); err != nil {
			return nil, nil, err
		}
		for i, row := range page.Value.Rows {
			if service == "" || row.Service == service {
				rows, all = append(rows, row), append(all, bare.Rows[i])
			}
		}
		if cursor = page.Value.Next; cursor == "" {
			break
		}
	}
	raw, err = json.Marshal(map[string]any{"rows": all})
	return rows, raw, err
}

func printBoard(t *table, rows []client.BoardRow) {
	t.row("SERVICE", "ENVIRONMENT", "LIVE", "READY", "UNDER WAY")
	for _, row := range rows {
		for _, cell := range row.Cells {
			t.row(row.Service, cell.Environment, orDash(cell.Version), ready(cell), underWay(cell))
		}
	}
}

// boardLines are the board without colour, whose codes would count as letters.
func boardLines(rows []client.BoardRow) []string {
	var b bytes.Buffer
	t := (&cli{out: &b}).table()
	printBoard(t, rows)
	_ = t.flush() // into memory
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}

// ready is what was observed, never what should be.
func ready(cell client.BoardCell) string {
	if cell.Observed == nil {
		return "unknown"
	}
	have, want := 0, 0
	for _, track := range cell.Observed.Tracks {
		have, want = have+track.Ready, want+track.Wanted
	}
	return fmt.Sprintf("%d/%d", have, want)
}

func underWay(cell client.BoardCell) string {
	switch {
	case cell.Active != nil:
		return fmt.Sprintf("%s %s (deployment %d): %s", cell.Active.Version, cell.Active.State, cell.Active.Deployment, cell.Active.Message)
	case cell.Failure != nil:
		return fmt.Sprintf("%s %s: %s", cell.Failure.Version, cell.Failure.State, cell.Failure.Message)
	case cell.Hold != nil:
		return "held: " + cell.Hold.Reason
	default:
		return ""
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
