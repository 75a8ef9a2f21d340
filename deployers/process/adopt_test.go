package process

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// owner is a Slipway process: it deploys the service of its directory and says
// so, then waits to be killed.
func owner(dir string) error {
	d, err := New(dir, os.Args[0], slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	target := deployers.Target{Service: "web", Environment: "production"}
	track := release(printer{}, dir, "1.0.0", "")
	track.Replicas = 2
	if err := d.Apply(context.Background(), target, deployers.Desired{Generation: 5, Tracks: []deployers.Track{track}}); err != nil {
		return err
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	for range ticker.C {
		o, err := d.Observe(context.Background(), target)
		if err != nil {
			return err
		}
		if o.Converged {
			fmt.Println(o.Address)
			select {}
		}
	}
	return nil
}

// printer is the deployertest.T of a program.
type printer struct{}

func (printer) Helper()                           {}
func (printer) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (printer) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (printer) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (printer) Skipf(format string, args ...any)  { panic(fmt.Sprintf(format, args...)) }
func (printer) Cleanup(func())                    {}
