package process

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// startOwner runs a Slipway in a process of its own and returns once it has
// deployed two replicas.
func startOwner(t *testing.T, dir string) (cmd *exec.Cmd, address string) {
	t.Helper()
	cmd = exec.Command(os.Args[0], "owner", dir)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "PROCESS_TEST_LEAK=credential")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the owner deployed nothing")
	}
	return cmd, lines.Text()
}

// TestKill9IsSurvived kills the process that looks after the service: it goes
// on serving, without a failed request, and the next deployer takes it over.
func TestKill9IsSurvived(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	slipway, address := startOwner(t, f.dir)
	before := f.instances(f.target)
	if len(before) != 2 {
		t.Fatalf("two replicas wanted: %v", before)
	}
	if _, err := f.Observe(t.Context(), f.target); err == nil || !strings.Contains(err.Error(), "another Slipway process") {
		t.Errorf("two deployers look after one target: %v", err)
	}
	l := startLoad(address)
	if err := slipway.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = slipway.Wait()
	o := f.converged(t, 5)
	if after := f.instances(f.target); !slices.Equal(before, after) || o.Address != address {
		t.Errorf("not adopted: %v at %s, then %v at %s", before, address, after, o.Address)
	}
	a, err := ask(t.Context(), address)
	if err != nil || a.Environment != "production" || a.Base != "yes" || a.Leak != "" {
		t.Errorf("environment of the replica: %+v, %v", a, err)
	}
	err = f.Apply(t.Context(), f.target, deployers.Desired{Generation: 4})
	if !deployers.IsTerminal(err) {
		t.Errorf("the fence did not survive: %v", err)
	}
	next := release(t, f.dir, "1.1.0", "")
	f.apply(t, 6, next)
	f.converged(t, 6)
	l.end(t)
}

// TestStraysAreFound is the kill between start and record: the record names no
// process, yet one with its token runs, and has a child.
func TestStraysAreFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	f.apply(t, 1)
	f.converged(t, 1)
	stray := newToken()
	cmd, err := startCommand(command{
		argv: []string{"sh", "-c", "sleep 600 & sleep 600"}, env: []string{"PATH=/usr/bin:/bin", tokenVariable + "=" + stray},
		out: os.DevNull, err: os.DevNull,
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	deployertest.Eventually(t, 10*time.Second, "the stray has children", func() (bool, string) {
		found := findByToken(stray)
		return len(found) == 3, fmt.Sprint(found)
	})
	dir := filepath.Join(targetDir(f.dir, f.target), childrenDir)
	for _, token := range []string{stray, newToken()} { // the second one never started
		if err := writeJSON(filepath.Join(dir, token+".json"), record{Token: token}); err != nil {
			t.Fatal(err)
		}
	}
	f.restart(t)
	f.converged(t, 1)
	if found := findByToken(stray); len(found) > 0 {
		t.Errorf("strays left: %v", found)
	}
	if records, _ := filepath.Glob(dir + "/*.json"); len(records) > 0 {
		t.Errorf("records left: %v", records)
	}
}

// TestDestroyLeavesNothing removes programs that do not listen to SIGTERM, and
// that have children of their own.
func TestDestroyLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	stubborn, family := release(t, f.dir, "1.0.0", "stubborn"), release(t, f.dir, "1.1.0", "family")
	stubborn.Weight, family.Weight = 50, 50
	f.apply(t, 1, stubborn, family)
	f.converged(t, 1)
	tokens := f.tokens(t)
	if len(tokens) != 3 {
		t.Fatalf("two replicas and a proxy wanted: %v", tokens)
	}
	if err := f.Destroy(t.Context(), f.target); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if found := findByToken(token); len(found) > 0 {
			t.Errorf("orphans of %s: %v", token, found)
		}
	}
	if _, err := os.Stat(targetDir(f.dir, f.target)); !os.IsNotExist(err) {
		t.Errorf("files left: %v", err)
	}
}

func TestDigestMismatchStartsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	real := track.Artifacts[0].Digest
	track.Artifacts[0].Digest = "sha256:" + strings.Repeat("0", 64)
	f.apply(t, 1, track)
	o := f.until(t, "a failure", func(o deployers.Observed) bool { return o.Failure != nil })
	for _, want := range []string{"1.0.0", real, track.Artifacts[0].Digest} {
		if !strings.Contains(o.Failure.Reason, want) {
			t.Errorf("the reason lacks %s: %s", want, o.Failure.Reason)
		}
	}
	if !o.Failure.Terminal || len(f.instances(f.target)) != 0 {
		t.Errorf("terminal %v, running %v", o.Failure.Terminal, f.instances(f.target))
	}
}

func TestCrashLoopSaysWhy(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.43.0", "exit")
	track.Secrets = map[string]deployers.Secret{"CANARY_TOKEN": deployers.NewSecret("hunter2hunter2")}
	f.apply(t, 1, track)
	o := f.until(t, "terminal", func(o deployers.Observed) bool { return o.Failure != nil && o.Failure.Terminal })
	if want := `version 1.43.0 exited with code 1 three times: the ledger is not there, and "***" is set`; o.Failure.Reason != want {
		t.Errorf("reason %q, want %q", o.Failure.Reason, want)
	}
}

// TestSecretsAreNotOnDisk also shows what happens to a replica that crashes
// when Slipway was restarted and has no secrets yet.
func TestSecretsAreNotOnDisk(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	track.Secrets = map[string]deployers.Secret{"TOKEN": deployers.NewSecret("hunter2hunter2")}
	f.apply(t, 1, track)
	address := f.converged(t, 1).Address
	notOnDisk(t, f.dir, "hunter2")
	f.restart(t)
	f.converged(t, 1)
	if response, err := http.Get(address + "/crash"); err == nil {
		_ = response.Body.Close()
	}
	f.until(t, "the secrets are asked for", func(o deployers.Observed) bool {
		return o.Failure != nil && strings.Contains(o.Failure.Reason, "applied again") && !o.Failure.Terminal
	})
	f.apply(t, 1, track)
	f.converged(t, 1)
}

// TestThePortStays: the address survives removal, restarts and the death of the
// proxy; a port that is taken is said to be taken.
func TestThePortStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	f.apply(t, 1, track)
	address := f.converged(t, 1).Address
	f.apply(t, 2)
	f.converged(t, 2)
	var proxy record
	if err := readJSON(filepath.Join(targetDir(f.dir, f.target), proxyName), &proxy); err != nil {
		t.Fatal(err)
	}
	proxy.signalGroup(syscall.SIGKILL)
	f.restart(t)
	f.apply(t, 3, track)
	if again := f.converged(t, 3).Address; again != address {
		t.Errorf("first %s, then %s", address, again)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	var config map[string]any
	if err := json.Unmarshal(track.Config, &config); err != nil {
		t.Fatal(err)
	}
	config["port"] = port
	track.ID = "with a port"
	track.Config, _ = json.Marshal(config)
	f.apply(t, 4, track)
	f.until(t, "the port is taken", func(o deployers.Observed) bool {
		return o.Failure != nil && strings.Contains(o.Failure.Reason, fmt.Sprintf("port %d of 127.0.0.1 is taken", port))
	})
	if a, err := ask(t.Context(), address); err != nil || a.Version != "1.0.0" {
		t.Errorf("the old port must go on meanwhile: %+v, %v", a, err)
	}
	_ = listener.Close()
	if o := f.converged(t, 4); o.Address != fmt.Sprintf("http://127.0.0.1:%d", port) {
		t.Errorf("address %s, want port %d", o.Address, port)
	}
}

func TestPreviewReads(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	old, next := release(t, f.dir, "1.41.2", ""), release(t, f.dir, "1.42.0", "")
	next.Replicas, next.Preview = 3, true
	next.Match = []deployers.Match{{Header: "X-Region", Value: "eu"}, {Cookie: "user", Value: "7"}}
	next.Secrets = map[string]deployers.Secret{"TOKEN": deployers.NewSecret("hunter2hunter2")}
	f.apply(t, 1, old)
	f.converged(t, 1)
	preview, err := f.Preview(t.Context(), f.target, deployers.Desired{Generation: 2, Tracks: []deployers.Track{next}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"web/production: 1.41.2 ×1 (100 %) → 1.42.0 ×3 (100 %)\n", "testapp ${artifact}\n",
		"1.42.0: gets each request with the header X-Region: eu\n", "1.42.0: gets each request with the cookie user: 7\n",
		"1.42.0: preview address, a port chosen then and kept\n", next.Artifacts[0].Digest, "secrets TOKEN\n", "1.41.2: drain and stop 1 replica\n",
	} {
		if !strings.Contains(preview.Text, want) {
			t.Errorf("the preview lacks %q:\n%s", want, preview.Text)
		}
	}
}
