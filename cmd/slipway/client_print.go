package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"
)

// show prints the answer as it was, or as a person reads it.
func (c *cli) show(raw json.RawMessage, table func(t *table)) error {
	if c.json {
		var out bytes.Buffer
		if err := json.Indent(&out, bytes.TrimSpace(raw), "", "  "); err != nil {
			return err
		}
		out.WriteByte('\n')
		_, err := out.WriteTo(c.out)
		return err
	}
	t := c.table()
	table(t)
	return t.flush()
}

// table lines columns up. Colour is added after that: its codes have no width.
type table struct {
	to    io.Writer
	color bool
	lines bytes.Buffer
	tabs  *tabwriter.Writer
}

func (c *cli) table() *table {
	t := &table{to: c.out, color: c.color}
	t.tabs = tabwriter.NewWriter(&t.lines, 0, 4, 2, ' ', 0)
	return t
}

// row prints cells side by side. What others wrote is kept from steering the
// terminal.
func (t *table) row(cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			fmt.Fprint(t.tabs, "\t")
		}
		fmt.Fprint(t.tabs, tame(fmt.Sprint(cell)))
	}
	fmt.Fprintln(t.tabs)
}

func (t *table) flush() error {
	if err := t.tabs.Flush(); err != nil {
		return err
	}
	text := t.lines.String()
	if t.color {
		text = painted(text)
	}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if _, err := fmt.Fprintln(t.to, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// painted colours the words for states, which stay readable without.
func painted(text string) string {
	paint := func(code string, words ...string) {
		for _, word := range words {
			text = strings.ReplaceAll(text, " "+word, " \x1b["+code+"m"+word+"\x1b[0m")
		}
	}
	paint("31", "failed", "rejected", "expired", "blocked")
	paint("32", "succeeded", "live")
	paint("33", "waiting", "paused", "held")
	paint("36", "running", "reverting")
	return text
}

// tame takes out what would move the cursor, hide text or break the line.
func tame(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		default:
			return r
		}
	}, text)
}

// clock is a time as the reader's own clock shows it.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

func (c *cli) say(format string, args ...any) {
	if !c.json {
		fmt.Fprintf(c.out, format+"\n", args...)
	}
}

func terminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
