package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	subreaper  = 36 // PR_SET_CHILD_SUBREAPER
	stopPoll   = 100 * time.Millisecond
	linger     = time.Second
	drainLimit = 2 * time.Second
)

// command is the command of a job, at work.
type command struct {
	pid     int
	exited  chan struct{}
	status  syscall.WaitStatus // set before exited is closed
	gone    chan struct{}      // closed once the command and all that it started have ended
	capture *capture
	pipes   []*os.File
	read    sync.WaitGroup
}

// start starts the command in a process group of its own. The kernel kills it
// when the supervisor is killed, and makes whatever it started our child when
// its parent ends: so nothing of the job is out of our sight.
func (s *supervisor) start(given handover, output *capture) (*command, error) {
	// It is the end of this thread, not of the process, that Pdeathsig looks at.
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, subreaper, 1, 0); errno != 0 {
		return nil, fmt.Errorf("its children cannot be watched: %w", errno)
	}
	program, err := s.find(given.Env)
	if err != nil {
		return nil, err
	}
	c := &command{exited: make(chan struct{}), gone: make(chan struct{}), capture: output}
	files := make([]*os.File, 3)
	defer func() {
		for _, f := range files {
			_ = f.Close() // our ends of what the command holds
		}
	}()
	if files[0], err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	for i, stream := range []string{streamOut, streamErr} {
		var from *os.File
		if from, files[i+1], err = os.Pipe(); err != nil {
			return nil, err
		}
		c.pipes = append(c.pipes, from)
		c.read.Go(func() { output.follow(stream, from) })
	}
	process, err := os.StartProcess(program, s.job.Command, &os.ProcAttr{
		Env: append(given.Env, tokenVariable+"="+s.job.Token), Files: files,
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, err
	}
	c.pid = process.Pid
	_ = process.Release() // reap waits for it
	go c.reap()
	return c, nil
}

// find goes to the directory of the command and looks for its program as a
// shell would do there, with the PATH of the job.
func (s *supervisor) find(env []string) (string, error) {
	dir := s.job.Dir
	if dir == "" {
		dir = filepath.Join(s.dir, workName)
	}
	if err := os.Chdir(dir); err != nil {
		return "", err
	}
	for _, variable := range env {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			if err := os.Setenv("PATH", path); err != nil {
				return "", err
			}
		}
	}
	return exec.LookPath(s.job.Command[0])
}

// reap waits for every child, also for those that we inherit. No child left
// means that nothing of the job runs any more.
func (c *command) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			close(c.gone)
			return
		case pid == c.pid:
			c.status = status
			close(c.exited)
		}
	}
}

// wait returns once nothing of the command runs any more and all that it
// printed is kept. When it is made to end, its group has the grace of the job to
// do so. When it ends by itself, what it leaves running has only a moment: enough
// for a pipe that still writes, and no way to leave a service behind.
func (s *supervisor) wait(ctx context.Context, c *command) Status {
	why := s.untilReason(ctx, c)
	patience := s.job.Grace
	select {
	case <-c.exited: // by itself, also if there was a reason at the same moment
		why, patience = "", linger
	default:
		_ = syscall.Kill(-c.pid, syscall.SIGTERM)
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-c.gone:
	case <-limit.C:
		c.kill()
	}
	for _, pipe := range c.pipes {
		// Somebody who is not of the job may have got hold of the other end.
		_ = pipe.SetReadDeadline(time.Now().Add(drainLimit))
	}
	c.read.Wait()
	result := verdict(why, c.status, c.capture.lastLine())
	if c.capture.err != nil {
		result.Message += fmt.Sprintf(" (not all of its output was kept: %v)", c.capture.err)
	}
	return result
}

// untilReason waits for the command to exit, or for a reason to end it.
func (s *supervisor) untilReason(ctx context.Context, c *command) string {
	deadline := time.NewTimer(s.job.Timeout)
	defer deadline.Stop()
	poll := time.NewTicker(stopPoll)
	defer poll.Stop()
	for {
		select {
		case <-c.exited:
			return ""
		case <-deadline.C:
			return fmt.Sprintf("killed after its %s deadline", spell(s.job.Timeout))
		case <-ctx.Done():
			return "stopped together with its supervisor, which was told to end"
		case <-poll.C:
			if s.stopped() {
				return "stopped on request"
			}
		}
	}
}

// kill kills our children until there are none: those of a killed process
// become ours.
func (c *command) kill() {
	pause := time.NewTicker(killPause)
	defer pause.Stop()
	for {
		killWhere(func(pid int) bool { return parentOf(pid) == os.Getpid() })
		select {
		case <-c.gone:
			return
		case <-pause.C:
		}
	}
}

func verdict(why string, status syscall.WaitStatus, last string) Status {
	result := Status{State: Failed, ExitCode: -1, Message: why}
	switch {
	case why != "":
	case status.Signaled():
		result.Message = fmt.Sprintf("ended by the signal %q", status.Signal())
	default:
		result.ExitCode = status.ExitStatus()
		result.Message = fmt.Sprintf("exited with code %d", result.ExitCode)
	}
	switch {
	case result.ExitCode == 0:
		result.State = Succeeded
	case last != "":
		result.Message += ": " + last
	}
	return result
}

// spell prints a duration without empty parts: 10m, not 10m0s.
func spell(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
