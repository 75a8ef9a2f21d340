package jobs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// What is kept of the output of a job.
const (
	maxLine   = 16 << 10
	maxOutput = 4 << 20
	maxReason = 200
)

// Streams of a line. In the file they are their last three letters.
const (
	streamOut = "stdout"
	streamErr = "stderr"
)

// capture writes down what a command prints, line by line:
//
//	2026-11-21T04:06:23.123456789Z out applying 0042_orders.sql
type capture struct {
	hider deployers.Hider

	mu      sync.Mutex
	file    io.Writer
	written int
	full    bool              // nothing more is kept
	last    map[string]string // the last line of each stream that is not blank
	err     error             // why the file is not complete
}

func newCapture(file io.Writer, secrets []string) *capture {
	return &capture{file: file, last: map[string]string{}, hider: deployers.NewHider(secrets)}
}

// follow reads a stream of the command to its end.
func (c *capture) follow(stream string, from io.Reader) {
	// A secret that begins before the cut is read as a whole, and so recognised.
	reader := bufio.NewReaderSize(from, maxLine+c.hider.Longest())
	for {
		raw, err := reader.ReadSlice('\n')
		if len(raw) > 0 {
			c.line(stream, c.clean(raw, errors.Is(err, bufio.ErrBufferFull)))
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = reader.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

// clean makes a line of what was printed: of valid UTF-8, without NUL, which
// databases refuse, and no longer than we keep. Colours stay. cut: it goes on,
// and may end in the middle of a secret.
func (c *capture) clean(raw []byte, cut bool) string {
	text := c.hider.Hide(strings.TrimRight(string(raw), "\r\n"))
	if cut {
		text = text[:max(0, len(text)-c.hider.Longest())]
	}
	note := ""
	if cut || len(text) > maxLine {
		text, note = text[:min(len(text), maxLine)], fmt.Sprintf("… (Slipway keeps %d KiB of a line)", maxLine>>10)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD") + note
}

func (c *capture) line(stream, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.TrimSpace(text) != "" {
		c.last[stream] = text
	}
	if c.full {
		return
	}
	if c.written+len(text) > maxOutput {
		c.full = true
		stream, text = streamErr, fmt.Sprintf("Slipway keeps %d MiB of the output of a job; what follows is not kept.", maxOutput>>20)
	}
	n, err := io.WriteString(c.file, formatLine(Line{At: time.Now(), Stream: stream, Text: text}))
	c.written += n
	if err != nil {
		c.full, c.err = true, err // more would be glued to the half of a line
	}
}

// lastLine is what the command said last, fit for a message.
func (c *capture) lastLine() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	line := c.last[streamErr]
	if line == "" {
		line = c.last[streamOut]
	}
	return plain(line)
}

var escapeSequence = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?|[@-Z\\\\-_])")

// plain makes one short line without colours and control characters.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, escapeSequence.ReplaceAllString(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// firstLineOf is the first line of a small file of ours.
func firstLineOf(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	return plain(line)
}
