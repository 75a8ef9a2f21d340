package process

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// owner is a Slipway process: it deploys the service of its directory and says
// so, then waits to be killed.
func owner(dir string) error {
	d, err := New(dir, os.Args[0], slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	track := release(printer{}, dir, "1.0.0", "")
	track.Replicas = 2
	o, err := deploy(d, 5, track)
	if err != nil {
		return err
	}
	fmt.Println(o.Address)
	select {}
}

// churn deploys one version after the other until it is killed.
func churn(dir string) error {
	d, err := New(dir, os.Args[0], slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	fmt.Println("running")
	for {
		for _, version := range []string{"1.0.0", "1.1.0"} {
			track := release(printer{}, dir, version, "tidy")
			track.Replicas = 2
			asFiles(printer{}, &track, map[string]string{"TOKEN": "hunter2hunter2"})
			if _, err := deploy(d, time.Now().UnixNano(), track); err != nil {
				return err
			}
		}
	}
}

func deploy(d *Deployer, generation int64, track deployers.Track) (deployers.Observed, error) {
	target := deployers.Target{Service: "web", Environment: "production"}
	desired := deployers.Desired{Generation: generation, Tracks: []deployers.Track{track}}
	if err := d.Apply(context.Background(), target, desired); err != nil {
		return deployers.Observed{}, err
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		o, err := d.Observe(context.Background(), target)
		if err != nil || o.Converged {
			return o, err
		}
		<-ticker.C
	}
}

// TestKill9AtAnyTime kills one Slipway after the other in the middle of its
// work. At last exactly what is desired must run: nothing more, nothing twice.
// And no replica may be told twice to end, which would cut its work short, and no
// secrets may be left in memory.
func TestKill9AtAnyTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		cmd := exec.Command(os.Args[0], "churn", f.dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatalf("churn: %v %s", err, said.String())
		}
		<-time.After(rand.N(700 * time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if said.Len() > 0 && !strings.Contains(said.String(), "another Slipway process") {
			t.Errorf("churn: %s", said.String())
		}
	}
	track := release(t, f.dir, "1.2.0", "")
	track.Replicas = 2
	generation := time.Now().UnixNano()
	deployertest.Eventually(t, 10*time.Second, "the last one takes over", func() (bool, string) {
		err := f.Apply(t.Context(), f.target, deployers.Desired{Generation: generation, Tracks: []deployers.Track{track}})
		return err == nil, fmt.Sprint(err)
	})
	o := f.converged(t, generation)
	deployertest.Eventually(t, 20*time.Second, "two replicas and a proxy run, and nothing else", func() (bool, string) {
		found := f.processes()
		return len(found) == 3, strings.Join(found, "\n")
	})
	deployertest.Eventually(t, 10*time.Second, "no secrets are left", func() (bool, string) {
		left, err := os.ReadDir(filesDir(memoryDir, targetDir(f.dir, f.target)))
		return os.IsNotExist(err), fmt.Sprint(left, err)
	})
	if finished, cut := f.ended(f.target); finished == 0 || cut > 0 {
		t.Errorf("%d replicas finished their work, %d were told twice to end", finished, cut)
	}
	if a, err := ask(t.Context(), o.Address); err != nil || a.Version != "1.2.0" {
		t.Errorf("%+v, %v", a, err)
	}
}

// printer is the deployertest.T of a program.
type printer struct{}

func (printer) Helper()                           {}
func (printer) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (printer) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (printer) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (printer) Skipf(format string, args ...any)  { panic(fmt.Sprintf(format, args...)) }
func (printer) Cleanup(func())                    {}
