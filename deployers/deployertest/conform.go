package deployertest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Outcome is how a check ended.
type Outcome string

// The outcomes.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
	Skip Outcome = "skip" // the check could not be made, or the deployer does not offer what it needs
)

// Result is one check that ran outside of go test.
type Result struct {
	Name    string
	Outcome Outcome
	Log     []string
}

// sideBySide is how many checks Conform runs at a time: they mostly wait.
const sideBySide = 4

// Conform runs the checks for programs that are not tests, and hands the results
// to report in the order of the checks. It says whether all passed; a skipped
// check does not count against the deployer.
func Conform(h Harness, report func(Result)) bool {
	checks := Checks(h)
	results := make([]chan Result, len(checks))
	free := make(chan struct{}, sideBySide)
	for i := range checks {
		results[i] = make(chan Result, 1)
	}
	go func() {
		for i, check := range checks {
			free <- struct{}{}
			go func() {
				results[i] <- runCheck(check)
				<-free
			}()
		}
	}()
	ok := true
	for _, result := range results {
		r := <-result
		ok = ok && r.Outcome != Fail
		report(r)
	}
	return ok
}

func runCheck(check Check) Result {
	r := &recorder{result: Result{Name: check.Name, Outcome: Pass}}
	// Fatalf leaves by runtime.Goexit, which needs a goroutine of its own.
	r.isolated(func() { check.Run(r) })
	for _, cleanup := range slices.Backward(r.cleanups) {
		r.isolated(cleanup)
	}
	return r.result
}

// recorder is the T of a program.
type recorder struct {
	mu       sync.Mutex
	result   Result
	cleanups []func()
}

// isolated runs f to its end, Goexit or panic. A deployer that panics fails its
// check and nothing else.
func (r *recorder) isolated(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("panic: %v", p)
			}
		}()
		f()
	}()
	<-done
}

func (r *recorder) note(outcome Outcome, format string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Log = append(r.result.Log, fmt.Sprintf(format, args...))
	if outcome != Pass && r.result.Outcome != Fail {
		r.result.Outcome = outcome
	}
}

func (r *recorder) Helper()                           {}
func (r *recorder) Logf(format string, args ...any)   { r.note(Pass, format, args) }
func (r *recorder) Errorf(format string, args ...any) { r.note(Fail, format, args) }

// NotOffered implements unoffered.
func (r *recorder) NotOffered(why string) { r.note(Skip, "%s", []any{why}) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.note(Fail, format, args)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.note(Skip, format, args)
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}
