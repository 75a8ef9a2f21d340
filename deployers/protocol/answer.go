package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// What an answer may be at most. A deployer of somebody else's is not trusted to
// end, so everything about it is bounded.
const (
	MaxAnswer  = 16 << 20  // bytes of one answer
	maxLine    = 8 << 20   // of one line, a prepared artefact included
	maxLogs    = 2000      // log lines of one call; more are read and dropped
	maxText    = 8 << 10   // of one log line or message
	maxPreview = 256 << 10 // of a preview
	maxQuote   = 120       // of what is quoted in an error
)

// ErrTooLong ends an answer that is longer than MaxAnswer.
var ErrTooLong = fmt.Errorf("its answer is longer than %d MiB", MaxAnswer>>20)

// Answer is what came of one call.
type Answer struct {
	Logs   []Log // that were not told while they were printed
	Result json.RawMessage
	Fault  *Fault

	live  func(Log)
	lines int // of logs
}

// ReadAnswer reads lines to the end of r. What it has understood so far it
// returns beside an error, since log lines help to explain it. The mask is for
// what an error quotes; the answer itself is masked by who asked. With live, log
// lines are told as they come, rather than kept.
func ReadAnswer(r io.Reader, mask Mask, live func(Log)) (Answer, error) {
	a := Answer{live: live}
	limited := &io.LimitedReader{R: r, N: MaxAnswer + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := a.take(lines.Bytes(), mask); err != nil {
			if limited.N == 0 {
				err = ErrTooLong // what was taken for a line is a part of one
			}
			return a, err
		}
	}
	switch err := lines.Err(); {
	case limited.N == 0, errors.Is(err, bufio.ErrTooLong):
		return a, ErrTooLong
	default:
		return a, err
	}
}

func (a *Answer) take(raw []byte, mask Mask) error {
	var line Line
	if err := json.Unmarshal(raw, &line); err != nil {
		return fmt.Errorf("it printed %s, which is no line of the protocol", mask.quote(raw))
	}
	if string(line.Result) == "null" {
		line.Result = nil
	}
	parts := 0
	for _, there := range []bool{line.Log != nil, line.Result != nil, line.Error != nil} {
		if there {
			parts++
		}
	}
	if parts != 1 {
		return fmt.Errorf("it printed %s; a line holds one of log, result and error", mask.quote(raw))
	}
	if line.Log == nil && (a.Result != nil || a.Fault != nil) {
		return errors.New("it printed two results")
	}
	switch {
	case line.Result != nil:
		a.Result = slices.Clone(line.Result)
	case line.Error != nil:
		a.Fault = line.Error
	case a.lines < maxLogs:
		a.log(*line.Log)
	case a.lines == maxLogs:
		a.log(Log{Stream: "stderr", Text: fmt.Sprintf("Slipway keeps %d lines of one call; what follows is not kept.", maxLogs)})
	}
	return nil
}

func (a *Answer) log(l Log) {
	a.lines++
	if a.live != nil {
		a.live(l)
		return
	}
	a.Logs = append(a.Logs, l)
}

// quote shows the beginning of something foreign on one line.
func (m Mask) quote(raw []byte) string {
	text := clean(m.Hide(string(raw)))
	if len(text) > maxQuote {
		text = strings.ToValidUTF8(text[:maxQuote], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}

// clean makes text of somebody else's fit for pages and databases: valid UTF-8,
// no NUL, not endless.
func clean(text string) string { return cleanText(text, maxText) }

func cleanText(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// tidied gives a line the time and the stream that it left out.
func (l Log) tidied(now time.Time) Log {
	if l.At.IsZero() {
		l.At = now
	}
	if l.Stream != "stderr" {
		l.Stream = "stdout"
	}
	l.Text, l.Source = clean(strings.TrimRight(l.Text, "\r\n")), clean(l.Source)
	return l
}
