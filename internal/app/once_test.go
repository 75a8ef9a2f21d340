package app_test

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

// keyed are commands with a key, and the same key with another content.
func keyed(r *rig) map[string]func(app.Once, bool) (any, error) {
	d := r.active("shop", "prod")
	pick := func(other bool, a, b string) string {
		if other {
			return b
		}
		return a
	}
	return map[string]func(app.Once, bool) (any, error){
		"promote": func(k app.Once, other bool) (any, error) {
			got, err := r.Promote(r.ctx, dev, app.Promote{Once: k, Service: "shop", Environment: "staging", Version: "1", Note: pick(other, "a", "b")})
			return got.ID, err
		},
		"rollback": func(k app.Once, other bool) (any, error) {
			got, err := r.Rollback(r.ctx, dev, app.Rollback{Once: k, Service: "shop", Environment: "staging", Reason: pick(other, "a", "b")})
			if err == nil {
				r.drive(got.ID) // what it did is no reason to answer otherwise
			}
			return got.ID, err
		},
		"approve": func(k app.Once, other bool) (any, error) {
			got, err := r.Approve(r.ctx, lead, app.Approve{Once: k, Deployment: d.ID, PlanDigest: d.PlanDigest, Comment: pick(other, "a", "b")})
			if err == nil {
				r.drive(got.ID)
			}
			return got.ID, err
		},
		"release": func(k app.Once, other bool) (any, error) {
			_, created, err := r.CreateRelease(r.ctx, dev, app.CreateRelease{Once: k, Service: "shop", Version: "9", Content: content(pick(other, "a", "b"))})
			return created, err
		},
		"pipeline": func(k app.Once, other bool) (any, error) {
			p := pipeline("shop", open)
			p.Source = pick(other, "a", "b")
			got, err := r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Once: k, Pipeline: p})
			return []any{got.Before.Revision, got.After.Revision, got.Changed}, err
		},
		"file": func(k app.Once, other bool) (any, error) {
			got, err := r.RegisterFile(r.ctx, boss, app.RegisterFile{Once: k, Describes: true, Pipeline: pipeline("neu"),
				Service: slipway.Service{Name: "neu", Team: "web", Description: pick(other, "a", "b")}})
			return []any{got.Before.Name, got.Service.Name, got.Pipeline.Before.Revision, got.Pipeline.After.Revision, got.Pipeline.Changed}, err
		},
		"binding": func(k app.Once, other bool) (any, error) {
			b := slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: pick(other, "a", "b")}, Role: slipway.RoleViewer, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "web"}}
			return r.AddBinding(r.ctx, root, app.AddBinding{Once: k, Binding: b})
		},
		"freeze": func(k app.Once, other bool) (any, error) {
			f, err := r.AddFreeze(r.ctx, root, app.AddFreeze{Once: k, Environment: "prod", Reason: pick(other, "a", "b"), Until: t0.AddDate(1, 0, 0)})
			return f.ID, err
		},
		"lock": func(k app.Once, other bool) (any, error) {
			e, err := r.LockEnvironment(r.ctx, root, app.LockEnvironment{Once: k, Environment: "prod", Reason: pick(other, "a", "b")})
			return e.Name, err
		},
	}
}

// TestSentTwice: the same key and content have one effect and one answer, also
// when the first has changed the world since; other content is a conflict.
func TestSentTwice(t *testing.T) {
	t.Parallel()
	for name := range keyed(busy(t)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := busy(t)
			send, key := keyed(r)[name], app.Once{Key: "k-1"}
			first := must(send(key, false))(t)
			before := r.all()
			again := must(send(key, false))(t)
			if !reflect.DeepEqual(first, again) {
				t.Errorf("the answers are %v and %v", first, again)
			}
			refused(t, of(send(key, true)), slipway.CodeConflict, "used for another request")
			if r.all() != before {
				t.Error("the second time had an effect")
			}
			refused(t, of(send(app.Once{Key: strings.Repeat("k", 129)}, false)), slipway.CodeInvalid, "at most 128")
		})
	}
}

// TestFailureKeepsNoKey: what was refused may be sent again with the same key.
func TestFailureKeepsNoKey(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	c := app.CreateRelease{Once: app.Once{Key: "k"}, Service: "shop", Version: "no good!", Content: content("1")}
	_, _, err := r.CreateRelease(r.ctx, dev, c)
	refused(t, err, slipway.CodeInvalid, "version")
	if n := r.count("idempotency_keys"); n != 0 {
		t.Errorf("%d keys were kept", n)
	}
	c.Version = "1"
	_, created, err := r.CreateRelease(r.ctx, dev, c)
	ok(t, err)
	if !created {
		t.Error("it was not created")
	}
	// Keys are everybody's own.
	_, created, err = r.CreateRelease(r.ctx, boss, app.CreateRelease{Once: c.Once, Service: "shop", Version: "2", Content: content("2")})
	ok(t, err)
	if !created {
		t.Error("somebody else's key was taken for theirs")
	}
}

// TestSameKeyAtOnce: sixteen times the same request at the same moment.
func TestSameKeyAtOnce(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1")
	ids := make([]int64, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			d, err := r.Promote(r.ctx, dev, app.Promote{Once: app.Once{Key: "k"}, Service: "shop", Environment: "staging", Version: "1"})
			if err != nil {
				t.Error(err)
			}
			ids[i] = d.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("they got different answers: %v", ids)
		}
	}
}
