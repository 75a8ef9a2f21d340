package server

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/static"
)

// rig is a whole server with a real store and a real provider.
type rig struct {
	t       *testing.T
	url     string
	store   *store.Store
	app     *app.App
	server  *Server
	issuer  *devissuer.Issuer
	log     *buffer
	ticks   *ticks
	skew    atomic.Int64 // nanoseconds that the clock is ahead
	stopRun func()
}

func (r *rig) now() time.Time          { return time.Now().Add(time.Duration(r.skew.Load())) }
func (r *rig) advance(d time.Duration) { r.skew.Add(int64(d)) }
func (r *rig) person(id string) slipway.User {
	r.t.Helper()
	var u slipway.User
	r.read(func(tx slipway.Tx) (err error) {
		u, err = tx.People().UserBySubject(context.Background(), r.url+"/dev/issuer", id)
		return err
	})
	return u
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, log: &buffer{}, ticks: &ticks{}}
	log := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if r.store, err = store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")}); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.app = &app.App{Store: r.store, Clock: r.now, AdminGroup: "admins"}
	front := httptest.NewUnstartedServer(nil)
	r.url = "http://" + front.Listener.Addr().String()
	r.issuer, err = devissuer.New(devissuer.Config{
		Issuer: r.url + "/dev/issuer", ClientID: "slipway", ClientSecret: "s3cret", RedirectURI: r.url + "/auth/callback",
		PostLogoutRedirectURI: r.url + "/sign-in",
		People: []devissuer.Person{
			{ID: "ana", Name: "Ana", Email: "ana@example.com", Groups: []string{"admins"}},
			{ID: "ben", Name: "Ben", Email: "ben@example.com", Groups: []string{"readers"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := identity.New(t.Context(), identity.Config{
		Issuer: r.url + "/dev/issuer", ClientID: "slipway", ClientSecret: "s3cret", RedirectURL: r.url + "/auth/callback",
	})
	if err != nil {
		t.Fatal(err)
	}
	assets, err := static.New()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Log: log, PublicURL: r.url, Version: "1.2.3", App: r.app, Feed: r.store, Sessions: r.store.Sessions(), Identity: provider,
		Surfaces: []Surface{pages{}, api{}}, Assets: assets.Handler(), DevIssuer: r.issuer,
		Ready: []Check{{Name: "database", Run: r.store.Ping}}, Limit: RateLimit{PerSecond: 1000, Burst: 1000},
	}
	for _, f := range change {
		f(&cfg)
	}
	if r.server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	r.server.hub.ticker = r.ticks.ticker
	front.Config = r.server.HTTPServer("", r.server.Handler())
	front.Start()
	r.run()
	t.Cleanup(func() {
		r.stopRun()
		front.Close()
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// run starts what feeds the streams and waits until it does.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.server.Run(ctx)
	}()
	r.stopRun = func() { cancel(); <-done }
	eventually(r.t, "the hub to run", r.server.hub.started)
	eventually(r.t, "the warden to run", func() bool { return r.ticks.count(checkEvery) > 0 })
}

func (r *rig) write(f func(tx slipway.Tx) error) {
	r.t.Helper()
	if err := r.store.Write(context.Background(), f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) read(f func(tx slipway.Tx) error) {
	r.t.Helper()
	if err := r.store.Read(context.Background(), f); err != nil {
		r.t.Fatal(err)
	}
}

// ticks are tickers that tests move by hand.
type ticks struct {
	mu  sync.Mutex
	all map[time.Duration][]chan time.Time
}

func (f *ticks) ticker(every time.Duration) (<-chan time.Time, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[time.Duration][]chan time.Time{}
	}
	tick := make(chan time.Time, 1)
	f.all[every] = append(f.all[every], tick)
	return tick, func() {}
}

func (f *ticks) count(every time.Duration) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all[every])
}

func (f *ticks) tick(every time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.all[every] {
		select {
		case c <- time.Now():
		default:
		}
	}
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
