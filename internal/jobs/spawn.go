package jobs

import (
	"context"
	"encoding/gob"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// SupervisorCommand is the hidden subcommand under which the executable that is
// given to New has to call SupervisorMain.
const SupervisorCommand = "job-supervisor"

const (
	tokenVariable = "SLIPWAY_JOB"
	lockFD        = 3 // where the supervisor finds the lock of its job
)

// handover is what a supervisor is told over its standard input, since it must
// not be on disk.
type handover struct {
	Env    []string // the whole environment of the command, but for the token
	Redact []string // values that its output must not show
}

// spawn starts a supervisor. It has a session of its own, so that no signal to
// the portal reaches it, and holds no file of the portal but the lock.
func (r *Runner) spawn(dir string, lock *os.File) (*os.Process, *os.File, error) {
	trouble, err := os.OpenFile(filepath.Join(dir, troubleLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = trouble.Close() }()
	stdin, toStdin, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = stdin.Close() }()
	cmd := exec.Command(r.self, SupervisorCommand, "--dir", dir) //nolint:gosec,noctx // ourselves; it outlives every context of ours
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stderr = pairs(baseEnvironment()), dir, stdin, trouble
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, nil, errors.Join(err, toStdin.Close())
	}
	go func() { _ = cmd.Wait() }() // or it would stay a zombie
	return cmd.Process, toStdin, nil
}

// handOver tells the supervisor what it needs. One that got only a part of it
// does not start the command.
func handOver(ctx context.Context, stdin *os.File, job Job) error {
	stop := context.AfterFunc(ctx, func() { _ = stdin.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	all := baseEnvironment()
	maps.Copy(all, job.Env)
	maps.Copy(all, job.Secrets)
	return gob.NewEncoder(stdin).Encode(handover{
		Env: pairs(all), Redact: slices.Sorted(maps.Values(job.Secrets)),
	})
}

func baseEnvironment() map[string]string {
	all := map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			all[name] = value
		}
	}
	return all
}

func pairs(all map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}
