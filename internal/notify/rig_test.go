package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

const source = "https://slipway.example.com"

var ana = slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Name: "Ana", Groups: []string{"admins"}, Via: slipway.ViaREST}

// rig is an installation with one service in production, whose clock the test moves.
type rig struct {
	*app.App
	t     *testing.T
	ctx   context.Context
	store *store.Store
	box   *sealed.Box
	mu    sync.Mutex
	at    time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigOn(t, "sqlite:"+filepath.Join(t.TempDir(), "n.db"))
}

// databases are both kinds: of PostgreSQL a schema of its own.
func databases() map[string]func(*testing.T) string {
	return map[string]func(*testing.T) string{
		"sqlite":     func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "n.db") },
		"postgresql": func(t *testing.T) string { t.Helper(); return pgtest.URL(t) },
	}
}

func newRigOn(t *testing.T, url string) *rig {
	t.Helper()
	r := &rig{t: t, ctx: t.Context(), at: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)}
	var err error
	r.store, err = store.Open(r.ctx, store.Config{URL: url, Clock: r.clock})
	must(t, err)
	t.Cleanup(func() { _ = r.store.Close() })
	must(t, r.store.Migrate(r.ctx))
	r.box, err = sealed.NewBox(bytes.Repeat([]byte{7}, sealed.KeySize))
	must(t, err)
	r.App = &app.App{Store: r.store, Clock: r.clock, AdminGroup: "admins", Sealer: r.box, Tells: []slipway.DeliveryChannel{slipway.ToEmail, slipway.ToSlack, slipway.ToMattermost}}
	r.write(func(tx slipway.Tx) error {
		err := errors.Join(tx.Teams().Put(r.ctx, slipway.Team{Name: "payments", CreatedAt: r.at}),
			tx.Environments().Put(r.ctx, slipway.Environment{Name: "production", Tier: slipway.TierProduction}),
			tx.Services().Insert(r.ctx, slipway.Service{Name: "billing-api", Team: "payments", CreatedAt: r.at, UpdatedAt: r.at}))
		for _, v := range []string{"1.41.2", "1.42.0"} {
			_, adding := tx.Releases().Add(r.ctx, slipway.Release{Service: "billing-api", Version: v, CreatedBy: "ana", CreatedAt: r.at})
			err = errors.Join(err, adding)
		}
		return err
	})
	r.person("ana", "admins")
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

func (r *rig) after(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = r.at.Add(d)
}

func (r *rig) write(f func(slipway.Tx) error) {
	r.t.Helper()
	must(r.t, r.store.Write(r.ctx, f))
}

func (r *rig) person(id string, groups ...string) {
	r.t.Helper()
	r.write(func(tx slipway.Tx) error {
		return tx.People().PutUser(r.ctx, slipway.User{ID: id, Issuer: "i", Subject: id, Name: strings.ToUpper(id[:1]) + id[1:], Email: id + "@example.com", Groups: groups, LastSeen: r.clock()})
	})
}

// notifier is a replica that goes to this machine.
func (r *rig) notifier() *notify.Notifier {
	r.t.Helper()
	allow, err := outbound.ParseAllow("loopback")
	must(r.t, err)
	return &notify.Notifier{Store: r.store, Feed: r.store, Rights: r.App, Sealer: r.box, PublicURL: source, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
		Senders: map[slipway.DeliveryChannel]notify.Sender{slipway.ToWebhook: notify.NewWebhook(outbound.New(allow), source)}}
}

// run runs replicas until the test ends.
func (r *rig) run(replicas ...*notify.Notifier) {
	ctx, stop := context.WithCancel(r.ctx)
	var running sync.WaitGroup
	for _, n := range replicas {
		running.Go(func() { n.Run(ctx) })
	}
	r.t.Cleanup(func() { stop(); running.Wait() })
}

func (r *rig) route(c app.AddNotificationRoute) (slipway.NotificationRoute, slipway.Secret) {
	r.t.Helper()
	if c.Name == "" {
		c.Name = "Test"
	}
	route, secret, err := r.AddNotificationRoute(r.ctx, ana, c)
	must(r.t, err)
	return route, secret
}

func webhook(address string) slipway.Destination {
	return slipway.Destination{Channel: slipway.ToWebhook, Address: address}
}

// deployment adds one of 1.42.0 over 1.41.2 with an approval gate.
func (r *rig) deployment(change ...func(*slipway.Deployment)) slipway.Deployment {
	r.t.Helper()
	spec := func(v, digest string) slipway.Spec {
		return slipway.Spec{Version: v, Artifacts: []slipway.Artifact{{Name: "image", Reference: "registry.example.com/pay/billing-api:" + v, Digest: "sha256:" + strings.Repeat(digest, 64)}}}
	}
	from := spec("1.41.2", "a")
	plan := slipway.Plan{Service: "billing-api", Environment: "production", From: &from, To: spec("1.42.0", "b"),
		Gates: []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Expires: slipway.Duration(24 * time.Hour)}}}}
	d := slipway.Deployment{Team: "payments", Service: "billing-api", Environment: "production", Version: "1.42.0", Cause: slipway.CausePromote, State: slipway.Waiting,
		Plan: plan, PlanDigest: plan.Digest(), RequestedBy: slipway.Person{Kind: slipway.ActorUser, ID: "jonas", Name: "Jonas"}, CreatedAt: r.clock(), Message: "It waits."}
	for _, f := range change {
		f(&d)
	}
	r.write(func(tx slipway.Tx) (err error) {
		d, err = tx.Deployments().Insert(r.ctx, d)
		return err
	})
	return d
}

// to saves a deployment in another state.
func (r *rig) to(d slipway.Deployment, s slipway.State) slipway.Deployment {
	r.t.Helper()
	d.State, d.Message = s, "It is "+string(s)+"."
	if now := r.clock(); !s.Active() {
		d.StartedAt, d.EndedAt, d.NextWakeAt = &now, &now, nil
	}
	r.write(func(tx slipway.Tx) (err error) {
		d, err = tx.Deployments().Save(r.ctx, d)
		return err
	})
	r.event("deployment."+string(s), d)
	return d
}

func (r *rig) event(kind string, d slipway.Deployment) {
	r.t.Helper()
	r.write(func(tx slipway.Tx) error {
		return tx.Events().Add(r.ctx, slipway.DomainEvent{At: r.clock(), Kind: kind, Team: "payments", Service: "billing-api", Environment: "production",
			Deployment: d.ID, Actor: "Ana", Message: cmpOr(d.Message, "It happened.")})
	})
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func (r *rig) deliveries(f slipway.DeliveryFilter) (out []slipway.Delivery) {
	r.t.Helper()
	must(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) {
		out, _, err = tx.Deliveries().List(r.ctx, f, slipway.Page{Limit: 500})
		return err
	}))
	return out
}

// until waits for something that others bring about.
func (r *rig) until(what string, done func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			r.t.Fatalf("it does not come about that %s: %+v", what, r.deliveries(slipway.DeliveryFilter{}))
		}
	}
}

// received is one request to a receiver.
type received struct {
	header http.Header
	body   []byte
}

// receiver is the other side of a webhook.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []received
	does func(w http.ResponseWriter, n int)
}

func newReceiver(t *testing.T, does func(w http.ResponseWriter, n int)) *receiver {
	t.Helper()
	rec := &receiver{does: does}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		rec.mu.Lock()
		rec.got = append(rec.got, received{q.Header.Clone(), body})
		n := len(rec.got)
		rec.mu.Unlock()
		if rec.does != nil {
			rec.does(w, n)
		}
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}
