package store_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestSameKeyElsewhere: a request arrives at two replicas at once. The second
// waits for the first and finds its answer.
func TestSameKeyElsewhere(t *testing.T) {
	t.Parallel()
	url, ctx := pgtest.URL(t), t.Context()
	one, other := openMigrated(t, url), open(t, url)
	first, second := make(chan struct{}), make(chan error, 1)
	go func() {
		<-first
		second <- other.Write(ctx, func(tx slipway.Tx) error {
			kept, err := tx.Keys().Get(ctx, "ana", "k")
			if err == nil && string(kept.Answer) != "42" {
				t.Errorf("the second found %q", kept.Answer)
			}
			return err
		})
	}()
	err := one.Write(ctx, func(tx slipway.Tx) error {
		if _, err := tx.Keys().Get(ctx, "ana", "k"); !slipway.IsNotFound(err) {
			t.Errorf("the first found something: %v", err)
		}
		close(first)
		select {
		case err := <-second:
			second <- err // it did not wait
		case <-time.After(300 * time.Millisecond):
		}
		return tx.Keys().Put(ctx, "ana", "k", slipway.KeptAnswer{Fingerprint: "f", Answer: []byte("42"), At: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second got %v", err)
	}
}

// TestCancelledWhileItIsSaved: the engine saves a deployment while somebody
// cancels it. It is cancelled.
func TestCancelledWhileItIsSaved(t *testing.T) {
	t.Parallel()
	url, ctx := pgtest.URL(t), t.Context()
	one, other := openMigrated(t, url), open(t, url)
	addDeployment(t, one, "shop")
	by := slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Name: "Ana"}
	err := one.Write(ctx, func(tx slipway.Tx) error {
		seen, err := tx.Deployments().Get(ctx, 1)
		if err != nil {
			return err
		}
		err = other.Write(ctx, func(tx slipway.Tx) error { _, err := tx.Deployments().Save(ctx, seen); return err })
		if err != nil {
			return err
		}
		_, err = slipway.AdvanceNewest(ctx, tx, seen, slipway.CancelledBy{By: by.Person(), Reason: "a test"}, by, time.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read(t, one, func(tx slipway.Tx) {
		if d, err := tx.Deployments().Get(ctx, 1); err != nil || d.State != slipway.Cancelled {
			t.Errorf("it is %s: %v", d.State, err)
		}
	})
}
