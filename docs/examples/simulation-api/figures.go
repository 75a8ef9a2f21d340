package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// figures counts answers by how long they took, in the text format that
// Prometheus reads.
type figures struct {
	version string
	replica int

	mu     sync.Mutex
	counts []int // by bucket, each with those below it
	sum    float64
	total  int
}

var buckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1}

func newFigures(version string) *figures {
	return &figures{version: version, replica: os.Getpid(), counts: make([]int, len(buckets))}
}

func (f *figures) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		next.ServeHTTP(w, r)
		took := time.Since(began).Seconds()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.sum += took
		f.total++
		for i, most := range buckets {
			if took <= most {
				f.counts[i]++
			}
		}
	})
}

func (f *figures) write(w io.Writer, atWork int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	labels := fmt.Sprintf("version=%q,replica=\"%d\"", f.version, f.replica)
	fmt.Fprintln(w, "# TYPE simulation_request_seconds histogram")
	for i, most := range buckets {
		fmt.Fprintf(w, "simulation_request_seconds_bucket{%s,le=\"%g\"} %d\n", labels, most, f.counts[i])
	}
	fmt.Fprintf(w, "simulation_request_seconds_bucket{%s,le=\"+Inf\"} %d\n", labels, f.total)
	fmt.Fprintf(w, "simulation_request_seconds_sum{%s} %g\nsimulation_request_seconds_count{%s} %d\n", labels, f.sum, labels, f.total)
	fmt.Fprintf(w, "# TYPE simulations_at_work gauge\nsimulations_at_work{%s} %d\n", labels, atWork)
}
