package engine_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestRealQueue: with nobody stepping by hand, a promotion is live soon after it
// was asked for, on both databases.
func TestRealQueue(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(memory(t), "queue.db") },
		"postgresql": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, url(t), fake.Options{})
			ok(t, r.store.Migrate(r.ctx))
			queue := must(r.store.NewQueue(r.engine.Look, store.QueueOptions{Workers: 4}))(t)
			r.engine.Waker = queue
			ok(t, queue.Start(r.ctx))
			t.Cleanup(func() { ok(t, queue.Stop(context.WithoutCancel(t.Context()))) })
			r.run()
			r.service("shop", stage("dev", by), stage("staging", after("dev"), by, approved(time.Hour)))
			began := time.Now()
			r.release("shop", "1")
			limit := 2 * time.Second * slower
			r.until(limit, "dev has it", func() bool { return r.live("dev") == "1" })
			r.until(limit, "staging waits", func() bool {
				list := r.list("shop", "staging")
				return len(list) == 1 && len(list[0].Verdicts) > 0
			})
			t.Logf("released → live in dev, waiting in staging: %s", time.Since(began))
			id := r.list("shop", "staging")[0].ID
			began = time.Now()
			ok(t, r.approve(id))
			r.until(limit, "staging has it", func() bool { return r.live("staging") == "1" })
			t.Logf("approved → live: %s", time.Since(began))
			if d := r.get(id); d.State != slipway.Succeeded {
				t.Errorf("it is %s", d.State)
			}
		})
	}
}
