package faults_test

import (
	"strconv"
	"strings"
	"testing"
)

// ledger: what the deployer was told is what the rows say (I3, I5). Each call
// had its intent on record, took effect at most once, and never after a newer
// one; what the rows believe done was done; what was asked for last is what the
// deployer has.
func (f *finding) ledger(t testing.TB, path string, records []record) {
	t.Helper()
	type intent struct {
		r    record
		run  int
		site string
	}
	intents := map[int64]intent{}
	for _, r := range records {
		for i, run := range r.Runs {
			if run.Desired.Hook == nil {
				intents[run.Generation] = intent{r, i, run.Desired.Site}
			}
		}
	}
	newest, effects := map[string]int64{}, map[string]int{}
	for _, e := range readLedger(t, path) {
		slash := strings.LastIndex(e.Key, "/")
		target := e.Key[:slash]
		generation, err := strconv.ParseInt(e.Key[slash+1:], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		in, known := intents[generation]
		want := in.r.Service + "/" + in.r.Environment
		if in.site != "" {
			want += "/" + in.site
		}
		if !known || want != target {
			f.bad("%s was called for %s, of which no row knows", e.Key, target)
		}
		switch e.What {
		case "applied":
			f.Applied++
			if effects[e.Key]++; effects[e.Key] > 1 {
				f.bad("%s took effect %d times", e.Key, effects[e.Key])
			}
			if generation <= newest[target] {
				f.bad("%s took effect after %d", e.Key, newest[target])
			}
			newest[target] = generation
		case "again":
			f.Again++
			if generation != newest[target] {
				f.bad("%s was repeated after %d", e.Key, newest[target])
			}
		case "refused":
			f.Refused++
		}
	}
	f.believed(records, newest, effects)
}

// believed compares what the rows say was done with what was.
func (f *finding) believed(records []record, newest map[string]int64, effects map[string]int) {
	last := map[string]int64{}
	settled := map[string]bool{}
	for _, r := range records {
		for _, run := range r.Runs {
			if run.Desired.Hook != nil {
				continue
			}
			target := r.Service + "/" + r.Environment
			if run.Desired.Site != "" {
				target += "/" + run.Desired.Site
			}
			if run.ReadyAt != nil && effects[target+"/"+strconv.FormatInt(run.Generation, 10)] == 0 {
				f.bad("deployment %d says that %d became ready at %s, and nobody was told of it", r.ID, run.Generation, target)
			}
			// What was asked for and never taken leaves the deployer as it was.
			if effects[target+"/"+strconv.FormatInt(run.Generation, 10)] > 0 {
				last[target] = run.Generation
			}
			settled[target] = !active(r.State)
		}
	}
	for target, generation := range last {
		if settled[target] && newest[target] != generation {
			f.bad("%s has %d, and the rows say %d", target, newest[target], generation)
		}
	}
}

// ranOnce: the job of a hook that must not run twice ran once at most.
func (f *finding) ranOnce(t testing.TB, path string, records []record) {
	t.Helper()
	ran := map[string]int{}
	eachLine(t, path, func(line []byte) { ran[string(line)]++ })
	for _, r := range records {
		asked := map[string]int{}
		for _, run := range r.Runs {
			if h := run.Desired.Hook; h != nil && h.Again == "ask" {
				asked["ran "+h.Name+" for "+strconv.FormatInt(r.ID, 10)]++
			}
		}
		for line, times := range asked {
			if ran[line] > times {
				f.bad("%s: %d times, asked for %d times", line, ran[line], times)
			}
		}
	}
}
