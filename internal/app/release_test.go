package app_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestReleaseMeansOneThing(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	create := func(version string, c slipway.ReleaseContent) (bool, error) {
		_, created, err := r.CreateRelease(r.ctx, dev, app.CreateRelease{Service: "shop", Version: version, Content: c})
		return created, err
	}
	if !must(create("1", content("a")))(t) {
		t.Error("it was not created")
	}
	before := r.all()
	if must(create("1", content("a")))(t) {
		t.Error("it was created twice")
	}
	refused(t, of(create("1", content("b"))), slipway.CodeConflict, "never changes")
	faulty := content("a")
	faulty.Artifacts[0].Digest = "latest"
	faulty.Changes = []slipway.Change{{URL: "javascript:alert(1)"}}
	e := refused(t, of(create("2 beta", faulty)), slipway.CodeInvalid)
	if len(e.Fields) != 3 {
		t.Errorf("the faults are %+v", e.Fields)
	}
	if r.all() != before {
		t.Error("something changed")
	}
	r.release("shop", "2", "3")
	list, _, err := r.Releases(r.ctx, viewer, "shop", page)
	ok(t, err)
	same(t, versions(list), []string{"3", "2", "1"})
	if p := must(r.Release(r.ctx, viewer, "shop", "2"))(t); p.Newest || p.Release.Seq != 2 || p.MayPromote["prod"] == "" {
		t.Errorf("the page is %+v", p)
	}
}

// TestBlockedStaysOut: it cannot be asked for, what waits with it is held, and
// unblocking lets it go on.
func TestBlockedStaysOut(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	block := func(c app.BlockRelease) error {
		c.Service, c.Version = "shop", "1"
		return of(r.BlockRelease(r.ctx, dev, c))
	}
	refused(t, block(app.BlockRelease{Reason: " "}), slipway.CodeInvalid, "reason")
	before := r.all()
	ok(t, block(app.BlockRelease{Unblock: true}))
	if r.all() != before {
		t.Error("unblocking what is not blocked changed something")
	}
	ok(t, block(app.BlockRelease{Reason: "leaks"}))
	refused(t, block(app.BlockRelease{Reason: "again"}), slipway.CodeConflict, "blocked already, by Dev")
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 1 || due[0] != d.ID {
		t.Errorf("what waits was not woken: %v", due)
	}
	ok(t, r.approve(lead, r.get(d.ID)))
	d = r.drive(d.ID)
	if v := gate(t, d.Verdicts, "block"); d.State != slipway.Waiting || v.Result != slipway.Fail || v.Reason != "1 is blocked by Dev: leaks." {
		t.Errorf("it is %s: %+v", d.State, v)
	}
	e := refused(t, of(r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "1", Environment: "staging", Redeploy: true})), slipway.CodeBlocked, "leaks")
	gate(t, e.BlockedBy, "block")
	ok(t, block(app.BlockRelease{Unblock: true}))
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
}
