package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestProgressIsSeenDuringTheCall: the deployer has printed something and does
// not answer yet, and the page of the run shows it, each line once.
func TestProgressIsSeenDuringTheCall(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		r.script("1", fake.Script{LateReply: true})
		r.run()
		id := r.promote("shop", "1", "staging")
		lines := func() (lines []slipway.LogLine) {
			ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) {
				lines, err = tx.Logs().After(r.ctx, id, 0, 100)
				return err
			}))
			return lines
		}
		r.until(10*time.Second, "a line is there", func() bool { return len(lines()) > 0 })
		if d := r.get(id); d.Current() == nil || d.Current().State != slipway.Applying {
			t.Fatalf("the call is not on its way any more: %+v", d.Current())
		}
		if d := r.ended(id, time.Minute); d.State != slipway.Succeeded {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
		if all := lines(); len(all) != 1 || !strings.HasPrefix(all[0].Text, "generation ") {
			t.Errorf("kept are %+v", all)
		}
	})
}

// talker says why it refuses, and only when it is called.
type talker struct {
	*fake.Deployer
	said atomic.Bool
}

func (d *talker) Apply(context.Context, deployers.Target, deployers.Desired) error {
	d.said.Store(true)
	return deployers.Terminal(errors.New("exit code 2"))
}

func (d *talker) Logs(_ context.Context, _ deployers.Target, cursor string, _ int) ([]deployers.LogLine, string, error) {
	if cursor != "" || !d.said.Load() {
		return nil, cursor, nil
	}
	return []deployers.LogLine{{At: time.Now(), Source: "talker", Text: "the disk is full"}}, "1", nil
}

// TestLastWordsAreKept: what a call printed just before it failed, and with it the
// deployment, is in the log once the deployment has ended.
func TestLastWordsAreKept(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.others["fake"] = &talker{Deployer: r.fake}
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		r.run()
		id := r.promote("shop", "1", "staging")
		if d := r.ended(id, time.Minute); d.State != slipway.Failed {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
		if lines := r.logs(id); len(lines) != 1 || lines[0].Text != "the disk is full" {
			t.Errorf("kept are %+v", lines)
		}
	})
}
