package faults_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNothingGrows (F16): a portal that works for hours takes no more memory,
// files and goroutines at the end than it took after a while. It runs for as long
// as SLIPWAY_SOAK says; `make soak` says two hours.
func TestNothingGrows(t *testing.T) {
	t.Parallel()
	length, err := time.ParseDuration(os.Getenv("SLIPWAY_SOAK"))
	if err != nil {
		return
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "F16", "hours of work, and nothing grows", kind)
			w := newWorld(t, kind, 1)
			w.startAll()
			c := w.gather(4)
			var samples []sample
			tick := time.NewTicker(length / 200)
			defer tick.Stop()
			for end := time.Now().Add(length); time.Now().Before(end); <-tick.C {
				samples = append(samples, w.replicas[0].sample())
			}
			settled := samples[len(samples)/3:] // until then caches fill
			grew := map[string]float64{}
			for name, of := range map[string]struct {
				value func(sample) float64
				most  float64 // that it may grow by, by the line through all samples
			}{
				"MiB of memory": {func(s sample) float64 { return s.memory }, 16},
				"open files":    {func(s sample) float64 { return s.files }, 4},
				"goroutines":    {func(s sample) float64 { return s.goroutines }, 10},
			} {
				if grew[name] = growth(floor(settled, of.value)); grew[name] > of.most {
					t.Errorf("%s grew by %.1f, from %v to %v", name, grew[name], of.value(settled[0]), of.value(settled[len(settled)-1]))
				}
			}
			last := settled[len(settled)-1]
			said(int(c.done.Load()), "grew by %.1f MiB to %.0f, %.1f files to %.0f, %.1f goroutines to %.0f; %s", grew["MiB of memory"], last.memory,
				grew["open files"], last.files, grew["goroutines"], last.goroutines, c.judged())
		})
	}
}

// sample is what a portal takes at a moment.
type sample struct{ memory, files, goroutines float64 }

func (r *replica) sample() (s sample) {
	r.w.t.Helper()
	r.mu.Lock()
	pid := strconv.Itoa(r.command.Process.Pid)
	r.mu.Unlock()
	files, err := filepath.Glob("/proc/" + pid + "/fd/*")
	r.w.ok(err)
	s.files = float64(len(files))
	s.memory = numberAfter(readText(r.w.t, "/proc/"+pid+"/status"), "VmRSS:") / 1024
	response, err := r.w.client.Get("http://" + r.metrics + "/metrics")
	r.w.ok(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	r.w.ok(err)
	s.goroutines = numberAfter(string(text), "go_goroutines ")
	if s.memory == 0 || s.files == 0 || s.goroutines == 0 {
		r.w.t.Fatalf("a running portal takes %+v", s)
	}
	return s
}

// numberAfter is the one after a word at the beginning of a line; 0 if there is none.
func numberAfter(text, word string) float64 {
	_, after, _ := strings.Cut("\n"+text, "\n"+word)
	first, _, _ := strings.Cut(strings.TrimSpace(after), "\n")
	first, _, _ = strings.Cut(first, " ")
	n, _ := strconv.ParseFloat(first, 64)
	return n
}

// floor is the least of each few samples: what is not given back is there at the
// quietest moment too, and how many wait for a busy disk says nothing.
func floor(samples []sample, value func(sample) float64) (least []float64) {
	for some := range slices.Chunk(samples, 6) {
		lowest := value(some[0])
		for _, s := range some {
			lowest = min(lowest, value(s))
		}
		least = append(least, lowest)
	}
	return least
}

// growth is how much a value grew from the first to the last, by the straight line
// that is closest to all of them.
func growth(values []float64) float64 {
	n := float64(len(values))
	var sx, sy, sxx, sxy float64
	for i, y := range values {
		x := float64(i)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx) * (n - 1)
}

// TestAGrowthIsSeen, however much noise there is above what is held on to.
func TestAGrowthIsSeen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		leak float64 // for each sample
		grew bool
	}{"nothing leaks": {0, false}, "one in four": {0.25, true}} {
		var samples []sample
		for i := range 132 {
			noise := float64(i * 7919 % 5 * 60) // now and then 0
			samples = append(samples, sample{goroutines: 80 + noise + test.leak*float64(i)})
		}
		grew := growth(floor(samples, func(s sample) float64 { return s.goroutines }))
		if (grew > 10) != test.grew {
			t.Errorf("%s: grew by %.1f", name, grew)
		}
	}
}
