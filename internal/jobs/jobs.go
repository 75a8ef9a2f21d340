// Package jobs runs commands on the host of the portal: hooks and verification
// jobs of deployments. A job goes on when the portal is killed, and the same job
// is never run twice.
//
// Each job is a directory and a supervisor, a small process of its own that runs
// the command, keeps what it prints and writes down how it ended. The lock of
// the directory says whether somebody is still at it: Start takes it before the
// directory can be seen and hands it on to the supervisor, so from the intent to
// the result it is held by whoever is responsible, and the kernel lets go of it
// when that one is killed. A lock that is free and no result means that the job
// was lost, and nobody will ever go on with it.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Job is one run of one command.
type Job struct {
	Key     string   // the same key is the same job: it is run at most once
	Command []string // argv, never a shell
	// Env is added to a small environment: PATH, HOME, TMPDIR and LANG of the
	// portal, and nothing else of it.
	Env map[string]string
	// Secrets are variables like Env, whose values are replaced by *** in what
	// the command prints. Neither Env nor Secrets is ever written to disk.
	Secrets Secrets
	Dir     string        // where it runs; empty: an empty directory of its own
	Timeout time.Duration // the deadline; a job without one is refused
	Grace   time.Duration // between SIGTERM and SIGKILL; 0: 10 s
}

// Secrets are environment variables that print as ***, wherever they are
// printed by accident.
type Secrets map[string]string

const redacted = "***"

// Format keeps every verb from reaching the values.
func (Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON writes *** for all of them.
func (Secrets) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// LogValue writes *** for all of them.
func (Secrets) LogValue() slog.Value { return slog.StringValue(redacted) }

// The states of a job.
const (
	Unknown   = "unknown" // this host never heard of it, or nobody can tell how it ended
	Running   = "running"
	Succeeded = "succeeded"
	Failed    = "failed"
)

// Status is what is known of a job. Apart from Running, and Unknown with a zero
// StartedAt, it is final.
type Status struct {
	State    string `json:"state"`
	ExitCode int    `json:"exitCode"` // -1 unless the command exited by itself
	Message  string `json:"message"`  // one line for people: "exited with code 3: no such table"
	// StartedAt is zero if the command never began, which is certain then.
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
}

const (
	defaultGrace = 10 * time.Second
	maxKey       = 200
)

// Runner runs jobs below one directory. Any number of them may share it.
type Runner struct {
	root string
	id   string
	self string
	log  *slog.Logger
	now  func() time.Time
	at   func(step string) // tests kill the portal here
}

// New makes a runner over a directory of this host. self is the executable that
// calls SupervisorMain for its subcommand SupervisorCommand.
func New(dir, self string, log *slog.Logger) (*Runner, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("jobs need Linux, this is %s", runtime.GOOS)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	if self, err = filepath.Abs(self); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	id, err := readID(root)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return &Runner{root: root, id: id, self: self, log: log, now: time.Now, at: func(string) {}}, nil
}

// Steps of Start, for tests.
const (
	stepPrepared = "prepared" // nothing can be seen yet
	stepClaimed  = "claimed"  // the intent is durable
	stepSpawned  = "spawned"  // the supervisor runs and waits for the environment
	stepHanded   = "handed"   // it has the environment
)

// Start begins a job, unless there is one of this key on this host. It returns
// once the supervisor has all that it needs: whether the command could be
// started, and how it ended, is for Status to say. An error means that this call
// started nothing, and that nothing of it will start later.
func (r *Runner) Start(ctx context.Context, job Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := job.check(); err != nil {
		return fmt.Errorf("job %s: %w", job.Key, err)
	}
	dir := r.path(job.Key)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	lock, err := r.claim(dir, newIntent(job))
	if errors.Is(err, fs.ErrExist) {
		return nil // by another Start, just now
	}
	if err != nil {
		return fmt.Errorf("job %s: %w", job.Key, err)
	}
	defer func() { _ = lock.Close() }()
	r.at(stepClaimed)
	supervisor, stdin, err := r.spawn(dir, lock)
	if err != nil {
		s := neverBegan("Slipway could not start its supervisor: "+err.Error(), r.now())
		return writeJSON(filepath.Join(dir, resultName), s)
	}
	r.at(stepSpawned)
	r.log.Info("job started", "job", job.Key, "pid", supervisor.Pid)
	err = handOver(ctx, stdin, job)
	r.at(stepHanded)
	_ = stdin.Close()
	if err != nil {
		return fmt.Errorf("job %s: its supervisor did not take the environment: %w", job.Key, err)
	}
	return nil
}

func (j Job) check() error {
	switch {
	case j.Key == "" || len(url.PathEscape(j.Key)) > maxKey:
		return fmt.Errorf("a job needs a key of at most %d bytes", maxKey)
	case len(j.Command) == 0 || j.Command[0] == "":
		return errors.New("a job needs a command")
	case j.Timeout <= 0:
		return errors.New("a job needs a timeout")
	case j.Grace < 0:
		return errors.New("the grace of a job cannot be negative")
	}
	for _, arg := range j.Command {
		if strings.ContainsRune(arg, 0) {
			return errors.New("an argument of the command contains a NUL byte")
		}
	}
	for _, variables := range []map[string]string{j.Env, j.Secrets} {
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			if name == "" || strings.ContainsAny(name, "=\x00") || name == tokenVariable {
				return fmt.Errorf("%q cannot be set in the environment of a job", name)
			}
			if strings.ContainsRune(variables[name], 0) {
				return fmt.Errorf("the variable %s contains a NUL byte", name)
			}
		}
	}
	return nil
}

// path is the directory of a job. The prefix keeps keys apart from our own
// names, and "..", which is a key like any other, inside the root.
func (r *Runner) path(key string) string {
	return filepath.Join(r.root, jobPrefix+url.PathEscape(key))
}
