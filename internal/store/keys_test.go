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
