package storetest

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func event(kind string, deployment int64) slipway.DomainEvent {
	return slipway.DomainEvent{
		At: noon(), Kind: kind, Team: "payments", Service: "api", Environment: "staging", Deployment: deployment,
		Actor: "ana", Message: "it happened", Detail: json.RawMessage(`{"a":1}`),
	}
}

func testEvents(t *testing.T, f fixture) {
	f.read(t, func(tx slipway.Tx) error {
		last, err := tx.Events().LastID(f.ctx)
		same(t, "last of none", last, int64(0))
		return err
	})
	f.write(t, func(tx slipway.Tx) error {
		_ = tx.Events().Add(f.ctx, event("one", 1))
		_ = tx.Events().Add(f.ctx, event("two", 2))
		own, err := tx.Events().OfDeployment(f.ctx, 2)
		if len(own) != 1 {
			t.Errorf("a transaction does not see its own event: %v", own)
		}
		_ = tx.Events().Add(f.ctx, event("three", 2))
		return err
	})
	f.read(t, func(tx slipway.Tx) error {
		all, err := tx.Events().After(f.ctx, 0, 10)
		if len(all) != 3 || all[0].Kind != "one" || all[2].Kind != "three" {
			t.Fatalf("after 0: %+v", all)
		}
		want := event("two", 2)
		want.ID = all[1].ID
		same(t, "event", all[1], want)
		rest, _ := tx.Events().After(f.ctx, all[0].ID, 1)
		same(t, "after the first, one", rest, all[1:2])
		of, _ := tx.Events().OfDeployment(f.ctx, 2)
		same(t, "of a deployment", of, all[1:])
		last, _ := tx.Events().LastID(f.ctx)
		same(t, "last", last, all[2].ID)
		return err
	})
}

// testEventOrder reads on while many write. Whoever goes on from the last id
// they saw must see every event, and each once.
func testEventOrder(t *testing.T, f fixture) {
	const writers, each = 12, 10
	var seen []int64
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		last := int64(0)
		for finished := false; ; {
			var page []slipway.DomainEvent
			if err := f.Store.Read(f.ctx, func(tx slipway.Tx) (err error) {
				page, err = tx.Events().After(f.ctx, last, 7)
				return err
			}); err != nil {
				t.Errorf("read: %v", err)
				return
			}
			for _, e := range page {
				seen = append(seen, e.ID)
				last = e.ID
			}
			if len(page) == 0 && finished {
				return
			}
			select {
			case <-done:
				finished = true
			default:
			}
		}
	})
	f.together(t, writers, func(w int) error {
		for i := range each {
			err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
				if err := tx.Events().Add(f.ctx, event(numbered("e", i), int64(w))); err != nil {
					return err
				}
				err := tx.Audit().Append(f.ctx, entry(numbered("chain", w%3), "x"))
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	close(done)
	reader.Wait()
	if len(seen) != writers*each || !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("%d events seen of %d, in order: %v", len(seen), writers*each, slices.IsSorted(seen))
	}
}

func testFeed(t *testing.T, f fixture) {
	changed, cancel := f.Feed.Subscribe()
	second, cancelSecond := f.Feed.Subscribe()
	f.write(t, func(tx slipway.Tx) error { return tx.Events().Add(f.ctx, event("one", 1)) })
	for name, feed := range map[string]<-chan struct{}{"first": changed, "second": second} {
		select {
		case <-feed:
		case <-time.After(time.Second):
			t.Errorf("the %s subscriber was not told within a second", name)
		}
	}
	cancelSecond()
	cancelSecond() // twice does no harm
	// Nobody reads now: writers must not wait for it.
	for range 5 {
		f.write(t, func(tx slipway.Tx) error { return tx.Events().Add(f.ctx, event("more", 1)) })
	}
	select {
	case <-changed:
	case <-time.After(time.Second):
		t.Error("no signal is kept for a slow subscriber")
	}
	cancel()
}

// testFeedCatchesUp: however fast one commit follows another, whoever reads on at
// each signal has read the last of them soon.
func testFeedCatchesUp(t *testing.T, f fixture) {
	changed, cancel := f.Feed.Subscribe()
	defer cancel()
	const commits = 50
	for i := range commits {
		f.write(t, func(tx slipway.Tx) error { return tx.Events().Add(f.ctx, event("fast", int64(i))) })
	}
	late := time.After(time.Second)
	for read := 0; read < commits; {
		select {
		case <-changed:
			f.read(t, func(tx slipway.Tx) error {
				list, err := tx.Events().After(f.ctx, 0, 1000)
				read = len(list)
				return err
			})
		case <-late:
			t.Fatalf("%d of %d were read", read, commits)
		}
	}
}
