// Package deployertest is what every deployer has to pass. The checks see a
// deployer only through the contract, so they serve a Go implementation in a
// test (Run) and a black box behind a command line or a URL (Conform).
package deployertest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// T is the part of testing.TB that the checks need, so that a program that is
// not a test can run them. Fatalf and Skipf end the calling goroutine.
type T interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(func())
}

// Kind is how a release behaves.
type Kind int

// The releases that a harness provides: one that becomes ready, one that runs
// but never becomes ready, one that exits by itself soon after its start, and
// one that becomes ready and has work to finish when it is given up.
const (
	Good Kind = iota
	NeverReady
	Exits
	Lingers
)

// Harness connects the checks to one implementation.
type Harness struct {
	// New makes a deployer over fresh, empty state. It logs to log, in which
	// the checks look for secrets. What it needs to clean up it gives to
	// t.Cleanup. Called once per check, from several goroutines.
	New func(t T, log *slog.Logger) Subject

	// Release gives the content of a track: ID, Version, Artifacts, Config and
	// Env. The checks fill in weight, replicas and secrets. The same arguments
	// give the same content. A NeverReady or Exits release must let the
	// deployer report its Failure within Wait.
	Release func(t T, kind Kind, version string) deployers.Track

	// Lingers says that Release knows the kind Lingers. Its replicas, once given
	// up, work on until Subject.LetGo or, without that, for twenty observations or
	// more; their config grants them the time.
	Lingers bool

	// Lacks names other kinds that Release does not know, such as NeverReady of a
	// deployer that has no readiness to wait for.
	Lacks []Kind

	// Forgets says that the values of secrets are in the deployer's memory only, so
	// that it has to say so after a restart.
	Forgets bool

	// BadConfig is a config with at least two faults, and BadPaths are the
	// paths of the problems that Validate has to report for it.
	BadConfig json.RawMessage
	BadPaths  []string

	// Volatile says that the deployer keeps nothing beyond its own life, such as
	// one in memory: the checks that restart it are left out.
	Volatile bool

	// Only, if set, leaves out the checks that do not match it.
	Only *regexp.Regexp

	// Wait bounds every wait for a state to come true; 0 means 30 seconds.
	Wait time.Duration
}

// Subject is one deployer under test. Nil functions: the checks that need them
// are skipped or look less deep.
type Subject struct {
	Deployer deployers.Deployer

	// Restart drops the deployer, as the end of its process would, and makes a
	// new one over the same state.
	Restart func(t T) deployers.Deployer

	// Ask sends one request with these headers to an address that Observe
	// reports.
	Ask func(ctx context.Context, address string, header http.Header) (Answer, error)

	// Instances names what runs for the target now, sorted; a restarted replica
	// has another name.
	Instances func(ctx context.Context, target deployers.Target) ([]string, error)

	// LetGo lets replicas of the kind Lingers come to the end of their work, and
	// Ended counts those that did, and those that were stopped before.
	LetGo func(ctx context.Context, target deployers.Target) error
	Ended func(ctx context.Context, target deployers.Target) (finished, cut int, err error)
}

// Answer is who served a request.
type Answer struct {
	Version  string
	Instance string
}

// known leaves out the kinds that Release does not know.
func (h Harness) known(kinds ...Kind) []Kind {
	return slices.DeleteFunc(kinds, func(k Kind) bool { return slices.Contains(h.Lacks, k) || k == Lingers && !h.Lingers })
}
