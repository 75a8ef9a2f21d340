// Package exec asks a program of somebody else's to be the deployer: one process
// for each call, a document on its standard input, lines of JSON on its standard
// output (see docs/deployer-protocol.md).
//
// It needs to be allowed to run that program, and leaves nothing behind but what
// the program does. Which program that is, an administrator says in the
// configuration of the portal; no pipeline can.
package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

// Program is what runs.
type Program struct {
	Path    string            // absolute
	Dir     string            // where it runs; empty: /
	Env     map[string]string // besides PATH, HOME, TMPDIR and LANG of the portal
	Timeout time.Duration     // of one call, if its context ends no sooner; 0: DefaultTimeout
}

// DefaultTimeout is how long one call may take.
const DefaultTimeout = time.Minute

const (
	atOnce    = 8           // processes of one deployer
	linger    = time.Second // for what still holds the output once the program has ended
	maxStderr = 256 << 10   // bytes of one call; more are read and dropped
)

// Exit codes of a program.
const (
	exitDone     = 0
	exitTerminal = 2
)

// New makes a client of the program.
func New(p Program, o protocol.Options) (*protocol.Client, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return protocol.New(&runner{program: p, free: make(chan struct{}, atOnce)}, o), nil
}

func (p Program) check() error {
	if !filepath.IsAbs(p.Path) {
		return fmt.Errorf("%q is no absolute path of a program", p.Path)
	}
	info, err := os.Stat(p.Path)
	switch {
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is no program that may be run", p.Path)
	default:
		return nil
	}
}

type runner struct {
	program Program
	free    chan struct{}
}

// errEndless ends a program that prints on and on.
var errEndless = errors.New("it was killed: it printed more than Slipway reads")

// Ask implements protocol.Transport.
func (r *runner) Ask(ctx context.Context, call protocol.Call, request []byte, mask protocol.Mask, live func(protocol.Log)) (protocol.Answer, error) {
	timeout := r.program.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancelTimeout := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it was killed after its %s deadline", timeout))
	defer cancelTimeout()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	select {
	case r.free <- struct{}{}:
		defer func() { <-r.free }()
	case <-ctx.Done():
		return protocol.Answer{}, fmt.Errorf("%d calls of it are at work, and this one was not waited for", atOnce)
	}
	stdout, stderr := &capped{limit: protocol.MaxAnswer + 1}, &capped{limit: maxStderr}
	stdout.over = func() { cancel(errEndless) }
	cmd := r.command(ctx, call)
	ear, earErr := &protocol.Ear{Live: live, Most: protocol.MaxAnswer}, &protocol.Ear{Live: live, Most: maxStderr, Plain: true}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), io.MultiWriter(stdout, ear), io.MultiWriter(stderr, earErr)
	err := cmd.Run()
	answer, unread := protocol.ReadAnswer(stdout.reader(), mask, nil)
	answer.Logs = answer.Logs[min(ear.Told(), len(answer.Logs)):]
	said := stderrLines(stderr)
	answer.Logs = append(answer.Logs, said[min(earErr.Told(), len(said)):]...)
	if cmd.ProcessState == nil {
		return answer, fmt.Errorf("it could not be started: %w", err)
	}
	if cause := context.Cause(ctx); cause != nil && !cmd.ProcessState.Exited() {
		return protocol.Answer{Logs: answer.Logs}, cause
	}
	return judge(answer, unread, cmd.ProcessState, lastOf(said))
}

// command is a process with a group of its own, which is what is killed: a
// program that is a script leaves no commands behind that way.
func (r *runner) command(ctx context.Context, call protocol.Call) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.program.Path, string(call)) //nolint:gosec // an administrator says which program
	cmd.Dir, cmd.Env = r.program.Dir, r.program.environment()
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		// The group lives as long as its leader was not waited for.
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			return err
		}
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	cmd.WaitDelay = linger
	return cmd
}

// environment has nothing of the portal's own configuration.
func (p Program) environment() []string {
	all := map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			all[name] = value
		}
	}
	for name, value := range p.Env {
		all[name] = value
	}
	var list []string
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// judge says what an answer is worth. The exit code decides whether it is one.
func judge(a protocol.Answer, unread error, ended *os.ProcessState, last string) (protocol.Answer, error) {
	status, _ := ended.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled():
		return protocol.Answer{Logs: a.Logs}, fmt.Errorf("it was ended by the signal %q", status.Signal())
	case ended.ExitCode() == exitDone && unread != nil:
		return protocol.Answer{Logs: a.Logs}, unread
	case ended.ExitCode() == exitDone:
		return a, nil
	case a.Fault != nil:
		a.Fault.Terminal = ended.ExitCode() == exitTerminal
		return a, nil
	}
	err := fmt.Errorf("it exited with code %d", ended.ExitCode())
	if last != "" {
		err = fmt.Errorf("%w: %s", err, last)
	}
	if ended.ExitCode() == exitTerminal {
		err = deployers.Terminal(err)
	}
	return protocol.Answer{Logs: a.Logs}, err
}

func stderrLines(stderr *capped) []protocol.Log {
	text := stderr.text()
	if len(text) == maxStderr {
		text = text[:strings.LastIndexByte(text, '\n')+1] // half a line may be half a secret
	}
	var lines []protocol.Log
	for text := range strings.Lines(text) {
		if text = strings.TrimSpace(text); text != "" {
			lines = append(lines, protocol.Log{Stream: "stderr", Text: text})
		}
	}
	return lines
}

func lastOf(lines []protocol.Log) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1].Text
}

// capped keeps the beginning of what a program prints.
type capped struct {
	mu    sync.Mutex
	kept  bytes.Buffer
	limit int
	over  func() // called once when there is more; may be nil
}

func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Write(p[:min(len(p), c.limit-c.kept.Len())])
	if c.kept.Len() == c.limit && c.over != nil {
		c.over()
		c.over = nil
	}
	return len(p), nil
}

// reader and text are for when nothing is written any more.
func (c *capped) reader() io.Reader { return bytes.NewReader(c.kept.Bytes()) }
func (c *capped) text() string      { return c.kept.String() }
