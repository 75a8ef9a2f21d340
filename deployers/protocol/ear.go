package protocol

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// Ear hears what a program prints while it prints it, and tells its log lines at
// once: somebody watches the page of the run. It hears whole lines only, since
// half a line may be half a secret; who asks reads the whole answer afterwards,
// from the first line that was not told.
type Ear struct {
	Live  func(Log)
	Plain bool // a line is text, not a line of the protocol
	Most  int  // bytes that are listened to

	mu   sync.Mutex
	rest []byte
	told int
}

// Write implements io.Writer, and never fails.
func (e *Ear) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(p)
	p = p[:min(len(p), e.Most)]
	e.Most -= len(p)
	last := bytes.LastIndexByte(p, '\n')
	if last < 0 {
		e.rest = append(e.rest, p...)
		return n, nil
	}
	for line := range bytes.Lines(append(e.rest, p[:last+1]...)) {
		e.hear(line)
	}
	e.rest = bytes.Clone(p[last+1:])
	return n, nil
}

func (e *Ear) hear(raw []byte) {
	if e.told >= maxLogs {
		return
	}
	if e.Plain {
		if text := strings.TrimSpace(string(raw)); text != "" {
			e.told++
			e.Live(Log{Stream: "stderr", Text: text})
		}
		return
	}
	var line Line
	if json.Unmarshal(raw, &line) == nil && line.Log != nil && line.Error == nil && len(line.Result) == 0 {
		e.told++
		e.Live(*line.Log)
	}
}

// Told says how many log lines were told.
func (e *Ear) Told() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told
}
