package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// result is what a finished simulation leaves behind, for whichever version is
// asked for it.
type result struct {
	ID      string    `json:"id"`
	Steps   int       `json:"steps"`
	Value   float64   `json:"value"`
	Version string    `json:"version"` // that computed it
	Ended   time.Time `json:"ended"`
}

// simulations runs jobs of minutes beside the requests of milliseconds.
type simulations struct {
	dir string

	mu     sync.Mutex
	shut   bool
	atWork map[string]bool
	idle   chan struct{} // closed when shut and nothing is at work
}

func newSimulations(dir string) *simulations {
	return &simulations{dir: dir, atWork: map[string]bool{}, idle: make(chan struct{})}
}

func (s *simulations) begin(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Seconds float64 `json:"seconds"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&asked); err != nil || asked.Seconds <= 0 || asked.Seconds > 3600 {
		http.Error(w, `send {"seconds": 1 to 3600}`, http.StatusBadRequest)
		return
	}
	id := strings.ToLower(rand.Text()[:12])
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		http.Error(w, "stopping; ask again", http.StatusServiceUnavailable)
		return
	}
	s.atWork[id] = true
	s.mu.Unlock()
	go s.simulate(id, time.Duration(asked.Seconds*float64(time.Second)))
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, "{\"id\":%q,\"version\":%q}\n", id, version)
}

// simulate walks at random for as long as it was asked to.
func (s *simulations) simulate(id string, length time.Duration) {
	end, out := time.Now().Add(length), result{ID: id, Version: version}
	step := time.NewTicker(10 * time.Millisecond)
	defer step.Stop()
	for time.Now().Before(end) {
		<-step.C
		out.Steps++
		out.Value += float64(out.Steps%7) - 3
	}
	out.Ended = time.Now().UTC()
	data, err := json.Marshal(out)
	if err == nil {
		err = keep(filepath.Join(s.dir, id+".json"), data)
	}
	if err != nil {
		fmt.Println("simulation", id, "is lost:", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.atWork, id)
	if s.shut && len(s.atWork) == 0 {
		close(s.idle)
	}
}

// keep writes a file as a whole or not at all.
func keep(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

var known = regexp.MustCompile(`^[a-z0-9]{12}$`)

func (s *simulations) show(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !known.MatchString(id) {
		http.NotFound(w, r)
		return
	}
	if data, err := os.ReadFile(filepath.Join(s.dir, id+".json")); err == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data)
		return
	}
	w.WriteHeader(http.StatusAccepted) // here, or in a version that is being replaced
	fmt.Fprintf(w, "{\"id\":%q,\"state\":\"at work\"}\n", id)
}

func (s *simulations) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut = true; len(s.atWork) == 0 {
		close(s.idle)
	}
}

func (s *simulations) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shut
}

func (s *simulations) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.atWork)
}

// wait returns once nothing is at work any more, or when ctx ends.
func (s *simulations) wait(ctx context.Context) error {
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
