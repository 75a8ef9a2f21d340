//go:build linux

package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSuccess(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	before := time.Now().Add(-time.Second) // the clock of files is coarse
	g.start(g.sh("d1", `echo run >>"$LEDGER"; echo to work; echo to errors >&2; pwd`))
	s := g.ended("d1")
	if s.State != Succeeded || s.ExitCode != 0 || s.Message != "exited with code 0" {
		t.Errorf("%+v", s)
	}
	if s.StartedAt.Before(before) || s.EndedAt.Before(s.StartedAt) || s.EndedAt.After(time.Now()) {
		t.Errorf("started %v, ended %v", s.StartedAt, s.EndedAt)
	}
	streams := map[string]string{}
	for _, line := range g.lines("d1") {
		streams[line.Text] = line.Stream
		if line.At.Before(before) || line.At.After(s.EndedAt) {
			t.Errorf("%q at %v", line.Text, line.At)
		}
	}
	if streams["to work"] != "stdout" || streams["to errors"] != "stderr" || streams[filepath.Join(g.path("d1"), workName)] != "stdout" {
		t.Errorf("printed: %v", streams)
	}
	if g.runs() != 1 {
		t.Errorf("%d runs", g.runs())
	}
}

func TestFailureSaysTheLastLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		code         int
		message      string
	}{
		{"errors come first", `echo no such table: orders >&2; echo bye; exit 3`, 3, "exited with code 3: no such table: orders"},
		{"blank lines do not count", `echo 'cannot connect'; echo; echo '  ' >&2; exit 1`, 1, "exited with code 1: cannot connect"},
		{"nothing printed", `exit 7`, 7, "exited with code 7"},
		{"colours", `printf '\033[1;31mError:\033[0m\tboom\r\n'; exit 1`, 1, "exited with code 1: Error: boom"},
		{"no end of line", `printf half; exit 1`, 1, "exited with code 1: half"},
		{"a signal", `echo working; kill -ABRT $$`, -1, `ended by the signal "aborted": working`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.start(g.sh("d1", c.script))
			if s := g.ended("d1"); s.State != Failed || s.ExitCode != c.code || s.Message != c.message || s.StartedAt.IsZero() {
				t.Errorf("%+v, message wanted %q", s, c.message)
			}
		})
	}
}

func TestWhatCannotStartNeverBegan(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Job){
		"no such file or directory": func(j *Job) { j.Dir = "/no/such/directory" },
		"executable file not found": func(j *Job) { j.Command = []string{"no-such-program"} },
		"no such file":              func(j *Job) { j.Command = []string{"./migrate"} },
		"permission denied":         func(j *Job) { j.Command = []string{j.Dir + "/plain"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			job := g.sh("d1", "true")
			job.Dir = t.TempDir()
			if err := os.WriteFile(filepath.Join(job.Dir, "plain"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			change(&job)
			g.start(job)
			s := g.ended("d1")
			if s.State != Failed || !s.StartedAt.IsZero() || !strings.HasPrefix(s.Message, "was never started: ") || !strings.Contains(s.Message, name) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestNoSupervisor has an executable that is not there.
func TestNoSupervisor(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.self = "/no/such/slipway"
	g.start(g.sh("d1", "true"))
	if s := g.ended("d1"); s.State != Failed || !s.StartedAt.IsZero() || !strings.Contains(s.Message, "could not start its supervisor") {
		t.Errorf("%+v", s)
	}
}

func TestWhereAndWithWhatItRuns(t *testing.T) {
	t.Setenv("SLIPWAY_SECRET_KEY", "credential of the portal")
	g := newRig(t)
	dir, bin := t.TempDir(), t.TempDir()
	for path, script := range map[string]string{
		filepath.Join(dir, "here"): "#!/bin/sh\nenv\n", filepath.Join(bin, "there"): "#!/bin/sh\npwd\necho \"$1\"\n",
	} {
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	odd := "a=b\xff\nc"
	g.start(Job{Key: "../env", Command: []string{"./here"}, Env: map[string]string{"ODD": odd}, Dir: dir, Timeout: time.Minute})
	g.start(Job{Key: "path", Command: []string{"there", "a b; c"}, Env: map[string]string{"PATH": bin + ":/bin:/usr/bin"}, Dir: dir, Timeout: time.Minute})
	if s := g.ended("../env"); s.State != Succeeded {
		t.Errorf("%+v", s)
	}
	var names []string
	for _, line := range g.texts("../env") {
		if name, _, ok := strings.Cut(line, "="); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains([]string{"HOME", "LANG", "ODD", "PATH", "PWD", "TMPDIR", "SLIPWAY_JOB", "_", "OLDPWD", "SHLVL"}, name) {
			t.Errorf("%s was handed on", name)
		}
	}
	if !slices.Contains(g.texts("../env"), "ODD=a=b\uFFFD") {
		t.Errorf("the environment came out wrong: %q", g.texts("../env"))
	}
	if s := g.ended("path"); s.State != Succeeded || !slices.Equal(g.texts("path"), []string{dir, "a b; c"}) {
		t.Errorf("%+v, %q", s, g.texts("path"))
	}
}

// TestSecretsAreNowhere looks for a value in every file, in what is printed and
// in the environment of the supervisor.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	canary := "canary-5b1e9d"
	job := g.sh("d1", `echo "connect to $DSN" >&2; echo "$KEY"; mkfifo go; echo ready; read -r x <go; echo "refused: $DSN"; exit 1`)
	job.Env["CONFIG"] = "canary-config"
	job.Secrets = Secrets{"DSN": canary, "KEY": "~~~~BEGIN\n" + canary + "-key\n~~~~END\n", "EMPTY": ""}
	g.start(job)
	g.printed("d1", "ready")
	if environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", g.supervisor("d1"))); err != nil || bytes.Contains(environ, []byte("canary")) {
		t.Errorf("the environment of the supervisor: %q, %v", environ, err)
	}
	g.write("d1", "go")
	if s := g.ended("d1"); s.Message != "exited with code 1: connect to ***" {
		t.Errorf("%+v", s)
	}
	want := []string{"", "***", "***", "***", "connect to ***", "ready", "refused: ***"}
	got := g.texts("d1")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("printed %q", got)
	}
	if err := filepath.WalkDir(g.root, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte("canary")) {
			t.Errorf("%s holds it: %v", path, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	var said bytes.Buffer
	slog.New(slog.NewJSONHandler(&said, nil)).Info("job", "job", job, "secrets", job.Secrets)
	slog.New(slog.NewTextHandler(&said, nil)).Info("job", "job", job, "secrets", job.Secrets)
	encoded, err := json.Marshal(job)
	if text := fmt.Sprintf("%v %+v %#v %s %q %x", job, job, job, job.Secrets, job.Secrets, job.Secrets) + said.String() + string(encoded); err != nil || strings.Contains(text, canary) {
		t.Errorf("printed by accident: %s, %v", text, err)
	}
}

func TestOneKeyIsOneJob(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	runners := []*Runner{g.Runner, g.another()}
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			if err := runners[i%2].Start(t.Context(), g.sh("d1", `echo run >>"$LEDGER"`)); err != nil {
				t.Errorf("Start: %v", err)
			}
		})
	}
	all.Wait()
	if s := g.ended("d1"); s.State != Succeeded {
		t.Errorf("%+v", s)
	}
	g.start(g.sh("d1", `echo run >>"$LEDGER"`)) // long after
	if s := g.ended("d1"); s.State != Succeeded || g.runs() != 1 {
		t.Errorf("%+v after %d runs", s, g.runs())
	}
	g.at = func(step string) {
		if step == stepPrepared { // somebody else is just a little faster
			if err := runners[1].Start(t.Context(), g.sh("d2", `echo run >>"$LEDGER"`)); err != nil {
				t.Errorf("Start: %v", err)
			}
		}
	}
	g.start(g.sh("d2", `echo run >>"$LEDGER"`))
	if s := g.ended("d2"); s.State != Succeeded || g.runs() != 2 {
		t.Errorf("%+v after %d runs", s, g.runs())
	}
	if left, _ := filepath.Glob(filepath.Join(g.root, tempPrefix+"*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestFiftyInParallel(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	const jobs = 50
	var all sync.WaitGroup
	for i := range jobs {
		all.Go(func() {
			g.start(g.sh(fmt.Sprintf("d%d", i), fmt.Sprintf(`echo run >>"$LEDGER"; echo "this is %d"; exit %d`, i, i)))
		})
	}
	all.Wait()
	for i := range jobs {
		key := fmt.Sprintf("d%d", i)
		s := g.ended(key)
		if (s.State == Succeeded) != (i == 0) || s.ExitCode != i || !slices.Equal(g.texts(key), []string{fmt.Sprintf("this is %d", i)}) {
			t.Errorf("%s: %+v, %q", key, s, g.texts(key))
		}
	}
	if g.runs() != jobs {
		t.Errorf("%d runs", g.runs())
	}
}

func TestWrongJobsAreRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	for want, change := range map[string]func(*Job){
		"needs a key":                func(j *Job) { j.Key = "" },
		"at most 200 bytes":          func(j *Job) { j.Key = strings.Repeat("ä", 40) },
		"needs a command":            func(j *Job) { j.Command = nil },
		"argument of the command":    func(j *Job) { j.Command = []string{"a\x00b"} },
		"needs a timeout":            func(j *Job) { j.Timeout = 0 },
		"cannot be negative":         func(j *Job) { j.Grace = -1 },
		`"A=B" cannot be set`:        func(j *Job) { j.Env = map[string]string{"A=B": ""} },
		`"SLIPWAY_JOB" cannot be`:    func(j *Job) { j.Env = map[string]string{tokenVariable: "x"} },
		"SECRET contains a NUL byte": func(j *Job) { j.Secrets = Secrets{"SECRET": "canary\x00"} },
	} {
		job := g.sh("d1", "true")
		change(&job)
		if err := g.Start(t.Context(), job); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("error wanted with %q, got %v", want, err)
		}
	}
	if all := g.all(); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
}
