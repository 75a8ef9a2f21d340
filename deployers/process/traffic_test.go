package process

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// walk is a way from one release to another, as desired states of both.
type walk struct {
	name  string
	steps func(old, new func(weight, replicas int) deployers.Track) [][]deployers.Track
	back  bool // it ends where it began
}

// walks are the ways of all strategies that promise not to be noticed. Recreate
// promises no such thing.
func walks() []walk {
	type track = func(weight, replicas int) deployers.Track
	type states = [][]deployers.Track
	match := func(t deployers.Track) deployers.Track {
		t.Match = []deployers.Match{{Header: "X-Region", Value: "eu"}}
		return t
	}
	preview := func(t deployers.Track) deployers.Track {
		t.Preview = true
		return t
	}
	return []walk{
		{name: "rolling", steps: func(old, new track) states {
			return states{{old(67, 2), new(33, 1)}, {old(34, 1), new(66, 2)}, {new(100, 3)}}
		}},
		{name: "rolling with room made first", steps: func(old, new track) states {
			return states{
				{old(100, 2)}, {old(67, 2), new(33, 1)}, {old(67, 1), new(33, 1)},
				{old(34, 1), new(66, 2)}, {new(100, 2)}, {new(100, 3)},
			}
		}},
		{name: "blue/green", steps: func(old, new track) states {
			return states{{old(100, 3), preview(new(0, 3))}, {old(0, 3), new(100, 3)}, {new(100, 3)}}
		}},
		{name: "blue/green and back while the old side is warm", back: true, steps: func(old, new track) states {
			return states{{old(100, 3), new(0, 3)}, {old(0, 3), new(100, 3)}, {old(100, 3)}}
		}},
		{name: "canary", steps: func(old, new track) states {
			return states{{old(95, 3), new(5, 1)}, {old(75, 3), new(25, 1)}, {new(100, 3)}}
		}},
		{name: "canary and back", back: true, steps: func(old, new track) states {
			return states{{old(90, 3), new(10, 1)}, {old(100, 3)}}
		}},
		{name: "partial, widened and withdrawn", back: true, steps: func(old, new track) states {
			return states{{old(100, 3), match(new(0, 1))}, {old(80, 3), match(new(20, 1))}, {old(50, 3), match(new(50, 2))}, {old(100, 3)}}
		}},
		{name: "partial, then whole", steps: func(old, new track) states {
			return states{{old(80, 3), match(new(20, 1))}, {new(100, 3)}}
		}},
		{name: "a way back with the old side cold", steps: func(_, new track) states { return states{{new(100, 3)}} }},
	}
}

// TestNoRequestIsDropped walks from release to release under load, with a long
// answer on its way whenever replicas go, and restarts the deployer between two
// walks. Everything is answered whole.
func TestNoRequestIsDropped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	versions := []string{"1.0.0", "1.1.0"}
	of := func(version string) func(weight, replicas int) deployers.Track {
		return func(weight, replicas int) deployers.Track {
			track := release(t, f.dir, version, "slow")
			track.Weight, track.Replicas = weight, replicas
			return track
		}
	}
	generation := int64(1)
	f.apply(t, generation, of(versions[0])(100, 3))
	l := startLoad(f.converged(t, generation).Address)
	for _, w := range walks() {
		for _, tracks := range w.steps(of(versions[0]), of(versions[1])) {
			l.stream(t, 5*time.Second)
			generation++
			f.apply(t, generation, tracks...)
			f.converged(t, generation)
			f.askMatched(t, l.address, tracks)
		}
		if failed := l.failures(); len(failed) > 0 {
			t.Errorf("%s: %d requests failed, the first: %s", w.name, len(failed), failed[0])
		}
		if !w.back {
			versions[0], versions[1] = versions[1], versions[0]
		}
		f.restart(t)
		f.converged(t, generation)
	}
	l.end(t)
	if l.version["1.0.0"] == 0 || l.version["1.1.0"] == 0 {
		t.Errorf("not both versions answered: %v", l.version)
	}
	deployertest.Eventually(t, 20*time.Second, "three replicas and a proxy are left", func() (bool, string) {
		found := f.processes()
		return len(found) == 4, strings.Join(found, "\n")
	})
}

// askMatched sends requests that a track of its own is to answer.
func (f *fixture) askMatched(t *testing.T, address string, tracks []deployers.Track) {
	t.Helper()
	for _, track := range tracks {
		for range 10 * len(track.Match) {
			a, err := askWith(context.Background(), address, http.Header{"X-Region": {"eu"}})
			if err != nil || a.Version != track.Version {
				t.Errorf("%+v, %v, want version %s", a, err, track.Version)
			}
		}
	}
}

// TestACrashIsBridged crashes a replica while nobody looks, so that the proxy
// still has it on its list: requests that could not be sent go to the other one.
// Once somebody looks again it is replaced.
func TestACrashIsBridged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	track.Replicas = 2
	f.apply(t, 1, track)
	address := f.converged(t, 1).Address
	before := f.instances(f.target)
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(address + "/crash")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	// The system may end the connection of a dying program before it stops to
	// listen for it: what is sent in between is lost with it, as is /crash.
	deployertest.Eventually(t, 20*time.Second, "one of the two listens no more", func() (bool, string) {
		open := f.listening()
		return len(open) == 1, fmt.Sprint(open)
	})
	for range 100 {
		if _, err := ask(t.Context(), address); err != nil {
			t.Fatalf("a request failed after the crash of one of two replicas: %v", err)
		}
	}
	f.open(t)
	f.until(t, "the crashed replica is replaced", func(o deployers.Observed) bool {
		now := f.instances(f.target)
		return o.Converged && len(now) == 2 && (now[0] != before[0] || now[1] != before[1])
	})
}

// listening is the ports of the replicas on record at which somebody listens.
func (f *fixture) listening() []int {
	var open []int
	files, _ := filepath.Glob(filepath.Join(targetDir(f.dir, f.target), childrenDir, "*.json"))
	for _, file := range files {
		var rec record
		if readJSON(file, &rec) != nil {
			continue
		}
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(rec.Port)))
		if err == nil {
			_ = conn.Close()
			open = append(open, rec.Port)
		}
	}
	return open
}

// TestNothingReadySaysSo: the address answers with a reason, not with silence.
func TestNothingReadySaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	f.apply(t, 1, release(t, f.dir, "1.0.0", "never-ready"))
	o := f.until(t, "a failure", func(o deployers.Observed) bool { return o.Failure != nil })
	if want := "version 1.0.0: 0 of 1 ready: GET /healthz answered 500 (not ready within 3s)"; o.Failure.Reason != want || !o.Failure.Terminal {
		t.Errorf("failure %+v, want %q", o.Failure, want)
	}
	_, err := ask(t.Context(), o.Address)
	if err == nil || !strings.Contains(err.Error(), "status 503") || !strings.Contains(err.Error(), "nothing is deployed") {
		t.Errorf("the address says %v", err)
	}
	f.apply(t, 2)
	f.converged(t, 2)
}

// TestWhoWasNotAskedIsNotLate: a replica that comes up while nobody looks, as
// when the machine of Slipway stands still, is asked before it is called late.
func TestWhoWasNotAskedIsNotLate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	const limit = 700 * time.Millisecond
	track := release(t, f.dir, "1.0.0", "slow")
	track.Config = bytes.Replace(track.Config, []byte(`"timeout":"3s"`), []byte(`"timeout":"`+limit.String()+`"`), 1)
	f.apply(t, 1, track)
	deployertest.Eventually(t, 20*time.Second, "the replica has been started", func() (bool, string) {
		return len(f.instances(f.target)) == 1, fmt.Sprint(f.instances(f.target))
	})
	started := time.Now()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(started.Add(limit + 200*time.Millisecond)))
	f.open(t)
	f.until(t, "it is live", func(o deployers.Observed) bool {
		if o.Failure != nil {
			t.Fatalf("nobody had asked it, and it is called a failure: %s", o.Failure.Reason)
		}
		return o.Converged
	})
}
