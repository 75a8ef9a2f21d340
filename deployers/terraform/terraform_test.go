package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// binary is the OpenTofu of the testbed, or what SLIPWAY_TEST_TERRAFORM names.
func binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("SLIPWAY_TEST_TERRAFORM"); path != "" {
		return path
	}
	cmd := exec.Command("../../.ci/tool", "tofu")
	cmd.Stderr = os.Stderr
	path, err := cmd.Output()
	if err != nil {
		t.Fatalf("OpenTofu cannot be built here; name a terraform by SLIPWAY_TEST_TERRAFORM: %v", err)
	}
	return strings.TrimSpace(string(path))
}

const module = `
variable "size" { default = 1 }
variable "token" {
  default   = "a sensitive value"
  sensitive = true
}
resource "terraform_data" "version" {
  input = "%s, size ${var.size}"
}
resource "terraform_data" "token" {
  input = var.token
}
`

const misfit = `
resource "terraform_data" "misfit" {
  lifecycle {
    precondition {
      condition     = var.size > 2
      error_message = "the quota is used up"
    }
  }
}
`

const broken = `
resource "terraform_data" "broken" {
  provisioner "local-exec" {
    command = "exit 3"
  }
}
`

var target = deployers.Target{Service: "network", Environment: "test"}

// release writes a root module and makes a track of it.
func release(t deployertest.T, dir, version, more string) deployers.Track {
	t.Helper()
	text := fmt.Sprintf(module, version) + more
	sum := sha256.Sum256([]byte(text))
	digest := hex.EncodeToString(sum[:])
	path := filepath.Join(dir, digest, "main.tf")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(path); err != nil {
		aside, err := os.CreateTemp(dir, "module")
		if err == nil {
			_, err = aside.WriteString(text)
		}
		if err == nil {
			err = os.Rename(aside.Name(), path)
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		_ = aside.Close()
	}
	return deployers.Track{ID: digest[:12], Version: version, Weight: 100, Replicas: 1, Config: json.RawMessage(`{"variables":{"size":2}}`),
		Artifacts: []deployers.Artifact{{Name: "module", Reference: "file://" + path, Digest: "sha256:" + digest}}}
}

func state(generation int64, tracks ...deployers.Track) deployers.Desired {
	return deployers.Desired{Generation: generation, Tracks: tracks}
}

func newDeployer(t deployertest.T, o Options) *Deployer {
	d := New(o)
	t.Cleanup(d.Close)
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	tofu, modules := binary(t), t.TempDir()
	deployertest.Run(t, deployertest.Harness{
		New: func(dt deployertest.T, log *slog.Logger) deployertest.Subject {
			o := Options{Dir: t.TempDir(), Binary: tofu, Log: log}
			current := newDeployer(dt, o)
			return deployertest.Subject{Deployer: current, Restart: func(dt deployertest.T) deployers.Deployer {
				current.Close()
				current = newDeployer(dt, o)
				return current
			}}
		},
		Release: func(t deployertest.T, kind deployertest.Kind, version string) deployers.Track {
			return release(t, modules, version, map[deployertest.Kind]string{deployertest.NeverReady: broken, deployertest.Exits: misfit}[kind])
		},
		BadConfig: json.RawMessage(`{"variables":1,"backend":{"path":2},"colour":"red"}`),
		BadPaths:  []string{"variables", "backend", "colour"},
		Wait:      2 * time.Minute,
	})
}

func settled(t *testing.T, d *Deployer, generation int64) deployers.Observed {
	t.Helper()
	var o deployers.Observed
	deployertest.Eventually(t, 2*time.Minute, "the run has ended", func() (bool, string) {
		var err error
		o, err = d.Observe(t.Context(), target)
		return err == nil && o.Generation == generation && (o.Converged || o.Failure != nil), fmt.Sprintf("%+v, %v", o, err)
	})
	return o
}

func apply(t *testing.T, d *Deployer, wanted deployers.Desired) deployers.Observed {
	t.Helper()
	if err := d.Apply(t.Context(), target, wanted); err != nil {
		t.Fatal(err)
	}
	return settled(t, d, wanted.Generation)
}

func tfstate(t *testing.T, d *Deployer) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.place(target).dir, stateFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestThePlanIsWhatIsApplied: a plan is approved, the world moves on, and the plan
// is not applied to a world that it was not made for.
func TestThePlanIsWhatIsApplied(t *testing.T) {
	t.Parallel()
	modules := t.TempDir()
	d := newDeployer(t, Options{Dir: t.TempDir(), Binary: binary(t)})
	first, second, third := release(t, modules, "1.0.0", ""), release(t, modules, "1.1.0", ""), release(t, modules, "1.2.0", "")
	p, err := d.Preview(t.Context(), target, state(1, first))
	if err != nil || !strings.Contains(p.Text, "2 to add") || !strings.Contains(p.Text, "1.0.0, size 2") ||
		!strings.Contains(p.Text, "(sensitive value)") || strings.Contains(p.Text, "a sensitive value") {
		t.Fatalf("%s, %v", p.Text, err)
	}
	// The plan is what counts, even where the config says something else by now.
	first.Prepared, first.Config = p.Prepared, json.RawMessage(`{}`)
	apply(t, d, state(1, first))
	if text := tfstate(t, d); !strings.Contains(text, "1.0.0, size 2") {
		t.Errorf("something else than the plan was applied: %s", text)
	}
	approved, err := d.Preview(t.Context(), target, state(2, second))
	if err != nil || !strings.Contains(approved.Text, "1 to change") {
		t.Fatalf("%s, %v", approved.Text, err)
	}
	apply(t, d, state(2, third)) // somebody is faster
	second.Prepared = approved.Prepared
	o := apply(t, d, state(3, second))
	if o.Failure == nil || !o.Failure.Terminal || !strings.Contains(o.Failure.Reason, "does not fit what is there any more") {
		t.Errorf("a stale plan: %+v", o)
	}
	if text := tfstate(t, d); !strings.Contains(text, "1.2.0, size 2") {
		t.Errorf("the stale plan changed something: %s", text)
	}
	lines, _, err := d.Logs(t.Context(), target, "", 1000)
	said := fmt.Sprint(lines)
	if err != nil || !strings.Contains(said, "Apply complete!") || strings.Contains(said, "a sensitive value") {
		t.Errorf("%s, %v", said, err)
	}
}

func TestARunThatWasCutOffIsNoFailure(t *testing.T) {
	t.Parallel()
	d := newDeployer(t, Options{Dir: t.TempDir(), Binary: binary(t)})
	track := release(t, t.TempDir(), "1.0.0", "")
	p, err := d.Preview(t.Context(), target, state(1, track))
	if err != nil {
		t.Fatal(err)
	}
	track.Prepared = p.Prepared
	for range 2 { // the second time the result of the first is lost
		if o := apply(t, d, state(1, track)); o.Failure != nil {
			t.Errorf("%+v", o)
		}
		if err := os.Remove(filepath.Join(d.place(target).dir, resultFile)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDriftIsSeen(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Binary: binary(t)}
	d := newDeployer(t, o)
	apply(t, d, state(1, release(t, t.TempDir(), "1.0.0", "")))
	d.Close()
	changed := strings.ReplaceAll(tfstate(t, d), "1.0.0, size 2", "changed by hand")
	if err := os.WriteFile(filepath.Join(d.place(target).dir, stateFile), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	o.DriftEvery = time.Millisecond
	d = newDeployer(t, o)
	deployertest.Eventually(t, time.Minute, "the drift is reported", func() (bool, string) {
		o, err := d.Observe(t.Context(), target)
		return err == nil && !o.Converged && o.Failure == nil && len(o.Tracks) == 1 &&
			o.Message == "it is not as version 1.0.0 made it: 0 to add, 1 to change, 0 to destroy", fmt.Sprintf("%+v, %v", o, err)
	})
}

// TestALockIsRespected: somebody else is at work on the state, so it waits.
func TestALockIsRespected(t *testing.T) {
	t.Parallel()
	d := newDeployer(t, Options{Dir: t.TempDir(), Binary: binary(t)})
	apply(t, d, state(1, release(t, t.TempDir(), "1.0.0", "")))
	file, err := os.OpenFile(filepath.Join(d.place(target).dir, stateFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if err := d.Apply(t.Context(), target, state(2, release(t, t.TempDir(), "1.1.0", ""))); err != nil {
		t.Fatal(err)
	}
	deployertest.Eventually(t, time.Minute, "it waits for the lock", func() (bool, string) {
		o, err := d.Observe(t.Context(), target)
		return err == nil && o.Failure == nil && strings.Contains(o.Message, "waits: ") && strings.Contains(o.Message, "state lock"), fmt.Sprintf("%+v, %v", o, err)
	})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if o := settled(t, d, 2); o.Failure != nil {
		t.Errorf("%+v", o)
	}
}

func TestNothingIsDestroyedToMakeRoom(t *testing.T) {
	t.Parallel()
	d := newDeployer(t, Options{Dir: t.TempDir(), Binary: binary(t)})
	apply(t, d, state(1, release(t, t.TempDir(), "1.0.0", "")))
	o := apply(t, d, state(2))
	if !strings.Contains(o.Message, "stays as it is") || !strings.Contains(tfstate(t, d), "1.0.0, size 2") {
		t.Errorf("%+v", o)
	}
	if err := d.Destroy(context.Background(), target); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.place(target).dir); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

func TestWithoutABinary(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	d := newDeployer(t, Options{Dir: t.TempDir()})
	_, err := d.Preview(t.Context(), target, state(1, release(t, t.TempDir(), "1.0.0", "")))
	if err == nil || deployers.IsTerminal(err) || !strings.Contains(err.Error(), "SLIPWAY_TERRAFORM") {
		t.Errorf("got %v", err)
	}
}
