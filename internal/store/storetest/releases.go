package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testReleases(t *testing.T, f fixture) {
	f.seed(t, "api")
	block := &slipway.Block{Reason: "leaks", By: "ana", Since: noon()}
	f.write(t, func(tx slipway.Tx) error {
		second, err := tx.Releases().Add(f.ctx, release("api", "1.1.0"))
		if second.Seq != 2 {
			t.Errorf("second release has seq %d", second.Seq)
		}
		_, taken := tx.Releases().Add(f.ctx, release("api", "1.1.0"))
		refused(t, "a version that is taken", taken, slipway.CodeConflict)
		_, orphan := tx.Releases().Add(f.ctx, release("none", "1.0.0"))
		refused(t, "a release of no service", orphan, slipway.CodeNotFound)
		refused(t, "a block on nothing", tx.Releases().SetBlocked(f.ctx, "api", "9", block), slipway.CodeNotFound)
		if err != nil {
			return err
		}
		return tx.Releases().SetBlocked(f.ctx, "api", "1.0.0", block)
	})
	f.read(t, func(tx slipway.Tx) error {
		want := release("api", "1.0.0")
		want.Seq, want.Blocked = 1, block
		got, err := tx.Releases().Get(f.ctx, "api", "1.0.0")
		same(t, "release", got, want)
		newest, _ := tx.Releases().Newest(f.ctx, "api")
		if newest.Version != "1.1.0" {
			t.Errorf("newest: %+v", newest)
		}
		_, missing := tx.Releases().Get(f.ctx, "api", "2")
		refused(t, "a release that does not exist", missing, slipway.CodeNotFound)
		_, missing = tx.Releases().Newest(f.ctx, "none")
		refused(t, "newest of nothing", missing, slipway.CodeNotFound)
		page, next, _ := tx.Releases().List(f.ctx, "api", slipway.Page{Limit: 1})
		if len(page) != 1 || page[0].Version != "1.1.0" || next == "" {
			t.Errorf("first page: %v, next %q", page, next)
		}
		page, next, _ = tx.Releases().List(f.ctx, "api", slipway.Page{Limit: 1, Cursor: next})
		if len(page) != 1 || page[0].Version != "1.0.0" || next != "" {
			t.Errorf("last page: %v, next %q", page, next)
		}
		return err
	})
	f.write(t, func(tx slipway.Tx) error { return tx.Releases().SetBlocked(f.ctx, "api", "1.0.0", nil) })
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Releases().Get(f.ctx, "api", "1.0.0")
		if got.Blocked != nil {
			t.Errorf("still blocked: %+v", got)
		}
		return err
	})
}

func testReleaseNumbers(t *testing.T, f fixture) {
	f.seed(t, "api")
	var mu sync.Mutex
	seqs := []int64{1}
	f.together(t, 32, func(i int) error {
		return f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			r, err := tx.Releases().Add(f.ctx, release("api", numbered("2.0", i)))
			if err != nil {
				return err
			}
			if i%4 == 3 { // some think better of it
				return errUndo
			}
			mu.Lock()
			defer mu.Unlock()
			seqs = append(seqs, r.Seq)
			return nil
		})
	})
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != int64(i+1) {
			t.Fatalf("numbers have gaps or repeats: %v", seqs)
		}
	}
	if len(seqs) != 25 {
		t.Errorf("%d releases, want 25", len(seqs))
	}
}
