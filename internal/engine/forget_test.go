package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestForgetting: what is old goes by itself, and only that.
func TestForgetting(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		count := func() (events, keys int) {
			ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
				list, err := tx.Events().After(r.ctx, 0, 100)
				events = len(list)
				for _, key := range []string{"first", "second"} {
					if _, err := tx.Keys().Get(r.ctx, "root", key); err == nil {
						keys++
					}
				}
				return err
			}))
			return events, keys
		}
		happen := func(key string) {
			ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
				if err := tx.Keys().Put(r.ctx, "root", key, slipway.KeptAnswer{At: time.Now()}); err != nil {
					return err
				}
				return tx.Events().Add(r.ctx, slipway.DomainEvent{Kind: key, At: time.Now()})
			}))
		}
		r.engine.Archive, r.engine.Keep = r.store, slipway.Retention{Events: 10 * time.Hour}
		happen("first")
		defer r.run(r.engine)()
		<-time.After(5 * time.Hour)
		happen("second")
		synctest.Wait()
		if events, keys := count(); events != 2 || keys != 2 {
			t.Errorf("after five hours there are %d events and %d keys, want all", events, keys)
		}
		<-time.After(7 * time.Hour)
		synctest.Wait()
		if events, keys := count(); events != 1 || keys != 2 {
			t.Errorf("after twelve hours there are %d events and %d keys, want the second event, and the keys, which are kept for ever", events, keys)
		}
	})
}
