package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Status says how a job stands. A job whose supervisor was killed is settled
// here: what is left of its command is killed, and the answer is written down.
func (r *Runner) Status(ctx context.Context, key string) (Status, error) {
	if err := ctx.Err(); err != nil {
		return Status{}, err
	}
	s, err := r.status(r.path(key))
	if err != nil {
		return Status{}, fmt.Errorf("job %s: %w", key, err)
	}
	return s, nil
}

func (r *Runner) status(dir string) (Status, error) {
	if s, found, err := readResult(dir); found || err != nil {
		return s, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{State: Unknown, ExitCode: -1, Message: "this host has no record of the job"}, nil
	}
	if err != nil {
		return Status{}, err
	}
	defer func() { _ = lock.Close() }()
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		began, err := beganAt(dir)
		return Status{State: Running, ExitCode: -1, StartedAt: began}, err
	}
	if err != nil {
		return Status{}, err
	}
	// Not left to Close: a fork of another goroutine may hold the file open.
	defer func() { _ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) }()
	if s, found, err := readResult(dir); found || err != nil {
		return s, err // it ended while we looked
	}
	return r.settle(dir)
}

// settle writes the result of a job that was lost. The lock is held.
func (r *Runner) settle(dir string) (Status, error) {
	var i intent
	if err := readJSON(filepath.Join(dir, intentName), &i); err != nil {
		return Status{}, err
	}
	began, err := beganAt(dir)
	if err != nil {
		return Status{}, err
	}
	why := firstLineOf(filepath.Join(dir, troubleLog))
	if why != "" {
		why = " (" + why + ")"
	}
	s := neverBegan("Slipway ended before it could begin"+why, r.now())
	if !began.IsZero() {
		strays := killStrays(i.Token)
		r.log.Warn("a job was lost with its supervisor", "job", i.Key, "strays", strays)
		s = Status{State: Unknown, ExitCode: -1, StartedAt: began, EndedAt: r.now(), Message: fmt.Sprintf(
			"its supervisor was killed or the host restarted%s; how far the command came is not known, and what was left of it was killed", why)}
	}
	return s, writeJSON(filepath.Join(dir, resultName), s)
}

func neverBegan(why string, at time.Time) Status {
	return Status{State: Failed, ExitCode: -1, Message: "was never started: " + why, EndedAt: at}
}

func readResult(dir string) (s Status, found bool, err error) {
	err = readJSON(filepath.Join(dir, resultName), &s)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, false, nil
	}
	return s, err == nil, err
}

// beganAt is when the command was started, or was about to be; zero: never.
func beganAt(dir string) (time.Time, error) {
	info, err := os.Stat(filepath.Join(dir, beganName))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// Stop asks a job to end and returns at once: its processes get SIGTERM, and
// after its Grace SIGKILL. One that has not begun will not. A job that has ended,
// or that nobody knows, is no error.
func (r *Runner) Stop(ctx context.Context, key string) error {
	s, err := r.Status(ctx, key)
	if err != nil || s.State != Running {
		return err
	}
	file, err := os.OpenFile(filepath.Join(r.path(key), stopName), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("job %s cannot be stopped: %w", key, err)
	}
	return file.Close()
}
