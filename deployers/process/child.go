package process

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	workName    = "work" // where children run unless the config says otherwise
	adoptedPoll = 250 * time.Millisecond
	busyRetries = 40
	busyPause   = 25 * time.Millisecond
)

// child is a process that we look after: a replica or the proxy. Some
// fields are guarded by the target's mu.
type child struct {
	rec  record
	file string        // of the record
	gone chan struct{} // closed when the process has ended
	exit string        // how; set before gone is closed

	adopted bool // started by an earlier Deployer: only its parent can wait for it

	// Guarded by target.mu.
	ready     bool
	everReady bool
	misses    int
	said      string    // what the last readiness check found
	asked     time.Time // when that check began
	givenUp   time.Time // zero while it is wanted; from then on it gets nothing new
	told      time.Time // when it got SIGTERM
	attended  bool      // a goroutine sees it out
}

func (c *child) ended() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// newToken names an instance. It is no secret, but nobody else has it.
func newToken() string { return strings.ToLower(rand.Text()) }

// startReplica starts one replica of a track.
func (t *target) startReplica(ctx context.Context, spec trackSpec, index int) (*child, error) {
	secrets, err := t.secretsOf(spec)
	if err != nil {
		return nil, err
	}
	artifact := ""
	if spec.Artifact.Reference != "" {
		if artifact, err = t.artifact(ctx, spec.Artifact); err != nil {
			return nil, err
		}
	}
	port, err := t.d.ports.choose()
	if err != nil {
		return nil, err
	}
	token := newToken()
	rec := record{
		Token: token, Boot: bootID(), Port: port, Index: index, Created: time.Now(), Track: spec,
		Log: logName(time.Now(), spec.Version, index, token),
	}
	if len(secrets) > 0 {
		rec.Log += secretive
		t.mu.Lock()
		t.knows(rec.Log, secrets)
		t.mu.Unlock()
	}
	known := []string{"${artifact}", artifact, "${version}", spec.Version, "${port}", strconv.Itoa(port)}
	files := ""
	if spec.Config.SecretsAs == inFiles {
		if files, err = t.writeFiles(token, secrets); err != nil {
			t.d.ports.giveBack(port)
			return nil, err
		}
		known = append(known, "${secrets}", files)
	}
	replace := strings.NewReplacer(known...)
	var argv []string
	for _, arg := range spec.Config.Command {
		argv = append(argv, replace.Replace(arg))
	}
	command := command{
		argv: argv, env: t.environment(spec, secrets, files, rec), dir: cmp.Or(spec.Config.Workdir, t.path(workName)),
		out: t.path(logsDir, rec.Log+".out"), err: t.path(logsDir, rec.Log+".err"),
	}
	c, err := t.launch(t.path(childrenDir, token+".json"), rec, command)
	if err != nil {
		t.d.ports.giveBack(port)
		return nil, err
	}
	t.d.log.Info("replica started", "target", t.name.String(), "version", spec.Version, "pid", c.rec.PID, "port", port)
	return c, nil
}

func (t *target) secretsOf(spec trackSpec) (values, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	secrets := t.secrets[spec.ID]
	for _, name := range spec.SecretNames {
		if _, ok := secrets[name]; !ok {
			return nil, errors.New("its secrets are not known since Slipway was restarted: the desired state has to be applied again")
		}
	}
	return secrets, nil
}

// forgot reports whether something that is desired needs secrets
// that are not known since Slipway was restarted. t.mu is held.
func (t *target) forgot() bool {
	for _, spec := range t.state.Desired {
		for _, name := range spec.SecretNames {
			if _, ok := t.secrets[spec.ID][name]; !ok {
				return true
			}
		}
	}
	return false
}

// environment is as small as programs bear it; Slipway's own environment, with
// its credentials, is not handed on.
func (t *target) environment(spec trackSpec, secrets values, files string, rec record) []string {
	all := baseEnvironment()
	maps.Copy(all, spec.Config.Env)
	maps.Copy(all, spec.Env)
	if files != "" {
		for name := range spec.Config.Env {
			all[name] = strings.ReplaceAll(all[name], "${secrets}", files)
		}
		all[filesVariable] = files
	} else {
		for name, value := range secrets {
			all[name] = value.Reveal()
		}
	}
	all["PORT"] = strconv.Itoa(rec.Port)
	all["SLIPWAY_VERSION"] = spec.Version
	all["SLIPWAY_SERVICE"] = t.name.Service
	all["SLIPWAY_ENVIRONMENT"] = t.name.Environment
	if t.name.Site != "" {
		all["SLIPWAY_SITE"] = t.name.Site
	}
	all[tokenVariable] = rec.Token
	return pairs(all)
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

type command struct {
	argv, env     []string
	dir, out, err string
}

// launch records, starts, and records again what was started. A kill between
// the two leaves a record without PID, and a process that carries its token.
func (t *target) launch(file string, rec record, command command) (*child, error) {
	if err := writeJSON(file, rec); err != nil {
		return nil, err
	}
	cmd, err := startCommand(command)
	if err != nil {
		return nil, errors.Join(err, os.Remove(file))
	}
	rec.PID = cmd.Process.Pid
	// Not yet waited for, so that even one that exited already can be read.
	rec.Start, _ = procStart(rec.PID)
	c := &child{rec: rec, file: file, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		c.exit = exitText(cmd.ProcessState)
		close(c.gone)
		t.wakeUp()
	}()
	if err := writeJSON(file, rec); err != nil {
		rec.signalGroup(syscall.SIGKILL)
		<-c.gone
		killAll(rec.Token)
		return nil, errors.Join(err, os.Remove(file))
	}
	return c, nil
}

// startCommand gives the process its own session, so that no signal to Slipway
// reaches it, and files of its own to write to, so that it outlives us.
func startCommand(command command) (*exec.Cmd, error) {
	out, err := os.OpenFile(command.out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	errs, err := os.OpenFile(command.err, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = errs.Close() }()
	pause := time.NewTicker(busyPause)
	defer pause.Stop()
	for try := 0; ; try++ {
		cmd := exec.Command(command.argv[0], command.argv[1:]...) //nolint:gosec,noctx // argv of the pipeline, never a shell; the child outlives every context of ours
		cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = command.env, command.dir, out, errs
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		err := cmd.Start()
		// A fork of another goroutine may hold the fresh copy of the artifact
		// open for writing for a moment.
		if errors.Is(err, syscall.ETXTBSY) && try < busyRetries {
			<-pause.C
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot start: %w", err)
		}
		return cmd, nil
	}
}

func exitText(state *os.ProcessState) string {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Sprintf("was ended by the signal %q", status.Signal())
	}
	return fmt.Sprintf("exited with code %d", state.ExitCode())
}

// watchAdopted stands in for Wait, which only the parent can call. The exit
// code of an adopted process is never known.
func (t *target) watchAdopted(ctx context.Context, c *child) {
	ticker := time.NewTicker(adoptedPoll)
	defer ticker.Stop()
	for c.rec.runs() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
	c.exit = "exited"
	close(c.gone)
	t.wakeUp()
}

func logName(at time.Time, version string, index int, token string) string {
	return fmt.Sprintf("%020d~%s~%d~%s", at.UnixNano(), url.PathEscape(version), index, token)
}

func (t *target) path(elements ...string) string {
	return filepath.Join(append([]string{t.dir}, elements...)...)
}
