package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/server/browser"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/server/rest"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/static"
)

// people of the measured portal: one asks, one decides, one sees everything.
func people() []devissuer.Person {
	return []devissuer.Person{
		{ID: "jonas", Name: "Jonas Lind", Email: "jonas@example.com", Groups: []string{"developers"}},
		{ID: "ben", Name: "Ben Okafor", Email: "ben@example.com", Groups: []string{"approvers", "developers", "sre"}},
		{ID: "sam", Name: "Sam Berg", Email: "sam@example.com", Groups: []string{"overseers"}},
	}
}

// playPortal is cmd/slipway's serve with the development sign-in, over the fake
// deployer: nothing of what a request goes through is left out.
func playPortal(ctx context.Context, p part) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	log := slog.New(slog.NewJSONHandler(logFile(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	if os.Getenv("GOMAXPROCS") == "" {
		store.MakeRoom(p.Database)
	}
	db, err := store.Open(ctx, store.Config{URL: p.Database, Log: log})
	if err != nil {
		return err
	}
	told := newStanding(fake.Options{Dir: p.State, Ledger: p.Ledger})
	registry := engine.NewRegistry(map[string]deployers.Deployer{deployer: told})
	eng := &engine.Engine{Store: db, Wakes: db, Feed: db, Archive: db, Alone: strings.HasPrefix(p.Database, "sqlite:"), Keep: slipway.Retention{Logs: 90 * 24 * time.Hour, Events: 30 * 24 * time.Hour}, Deployers: registry, Clock: time.Now, Log: log}
	queue, err := db.NewQueue(eng.Look, store.QueueOptions{})
	if err != nil {
		return err
	}
	eng.Waker = queue
	usecases := &app.App{Store: db, Deployers: registry, Clock: time.Now}
	talk, err := chatSurface(p, url, usecases, log)
	if err != nil {
		return err
	}
	srv, err := portalServer(ctx, url, usecases, db, log, talk)
	if err != nil {
		return err
	}
	tokens, err := mint(ctx, db, usecases, url, p.Chat != "")
	if err != nil {
		return err
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	if !p.Quiet {
		if err := queue.Start(ctx); err != nil {
			return err
		}
		running.Go(func() { eng.Run(work) })
	}
	running.Go(func() { srv.Run(work) })
	running.Go(func() { talk.Run(work) })
	front := srv.HTTPServer("", srv.Handler())
	go func() { _ = front.Serve(listener) }()
	control, err := listenAndServe(told.control())
	if err != nil {
		return err
	}
	err = announce(ready{URL: url, Control: control, Tokens: tokens})
	srv.Close()
	_ = front.Close()
	drain, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if !p.Quiet {
		err = errors.Join(err, queue.Stop(drain))
	}
	stop()
	running.Wait()
	return errors.Join(err, db.Close())
}

// logFile takes the access log, which is part of the work, to a real file.
func logFile() *os.File {
	file, err := os.CreateTemp("", "slipway-bench-*.log")
	if err != nil {
		return os.Stderr
	}
	_ = os.Remove(file.Name())
	return file
}

func portalServer(ctx context.Context, url string, usecases *app.App, db *store.Store, log *slog.Logger, talk *chatops.Surface) (*server.Server, error) {
	secret := rand.Text()
	issuer, err := devissuer.New(devissuer.Config{Issuer: url + "/dev/issuer", ClientID: "slipway", ClientSecret: secret,
		RedirectURI: url + "/auth/callback", PostLogoutRedirectURI: url + "/sign-in", People: people()})
	if err != nil {
		return nil, err
	}
	provider, err := identity.New(ctx, identity.Config{Issuer: url + "/dev/issuer", ClientID: "slipway", ClientSecret: secret,
		RedirectURL: url + "/auth/callback", GroupsClaim: "groups"})
	if err != nil {
		return nil, err
	}
	assets, err := static.New()
	if err != nil {
		return nil, err
	}
	pages, err := browser.New(browser.Config{App: usecases, Assets: assets, Version: "bench", PublicURL: url})
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{Log: log, PublicURL: url, Version: "bench", App: usecases, Feed: db, Sessions: db.Sessions(), Identity: provider,
		Surfaces: []server.Surface{pages, rest.New(rest.Config{App: usecases, Version: "bench", PublicURL: url}), talk}, Assets: assets.Handler(), DevIssuer: issuer,
		Ready: []server.Check{{Name: "database", Run: db.Ping}}})
}

// mint makes the people known and gives each a token. They are others at each
// portal, as its issuer has another address, so only one portal of a database can
// have their chat accounts.
func mint(ctx context.Context, db *store.Store, usecases *app.App, url string, chat bool) (map[string]string, error) {
	tokens := map[string]string{}
	for _, p := range people() {
		issuer := url + "/dev/issuer"
		u := slipway.User{ID: app.UserID(issuer, p.ID), Issuer: issuer, Subject: p.ID, Name: p.Name, Email: p.Email, Groups: p.Groups, LastSeen: time.Now()}
		if err := db.Write(ctx, func(tx slipway.Tx) error { return tx.People().PutUser(ctx, u) }); err != nil {
			return nil, err
		}
		plain, id, hash := identity.MintToken()
		actor := app.UserActor(u)
		actor.Via = slipway.ViaREST
		if _, err := usecases.CreateToken(ctx, actor, app.CreateToken{ID: id, SecretHash: hash, Name: "bench"}); err != nil {
			return nil, fmt.Errorf("token of %s: %w", p.ID, err)
		}
		tokens[p.ID] = plain
		if !chat {
			continue
		}
		if _, err := usecases.LinkChat(ctx, app.UserActor(u), app.LinkChat{Account: slackUser(p.ID), Name: p.Name, Link: p.ID}); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// standing is the fake deployer over targets that were seeded rather than
// applied: it reports those as they were seeded, and notes when it is called.
type standing struct {
	*fake.Deployer
	mu      sync.Mutex
	applied map[string]chan time.Time // by service
	reports sync.Map                  // target → slipway.Observed
}

func newStanding(o fake.Options) *standing {
	return &standing{Deployer: fake.New(o), applied: map[string]chan time.Time{}}
}

func (s *standing) of(service string) chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied[service] == nil {
		s.applied[service] = make(chan time.Time, 64)
	}
	return s.applied[service]
}

// Apply notes the time before anything else: that is when it was received.
func (s *standing) Apply(ctx context.Context, t deployers.Target, d deployers.Desired) error {
	at := time.Now()
	select {
	case s.of(t.Service) <- at:
	default: // a repeat that nobody waits for
	}
	return s.Deployer.Apply(ctx, t, d)
}

// Observe implements deployers.Deployer.
func (s *standing) Observe(ctx context.Context, t deployers.Target) (deployers.Observed, error) {
	seen, err := s.Deployer.Observe(ctx, t)
	if err != nil || seen.Generation != 0 {
		return seen, err
	}
	o, err := s.report(t)
	if err != nil {
		return deployers.Observed{}, err
	}
	out := deployers.Observed{At: o.At, Generation: o.Generation, Converged: o.Converged, Message: o.Message}
	for _, track := range o.Tracks {
		out.Tracks = append(out.Tracks, deployers.ObservedTrack{ID: track.Spec, Version: track.Version, Wanted: track.Wanted, Ready: track.Ready, Weight: track.Weight})
	}
	return out, nil
}

// report is made once for each target: working out what a spec is called would
// be measured as the portal's work.
func (s *standing) report(t deployers.Target) (slipway.Observed, error) {
	made, ok := s.reports.Load(t)
	if !ok {
		n, err := strconv.Atoi(strings.TrimPrefix(t.Service, "service-"))
		if err != nil {
			return slipway.Observed{}, fmt.Errorf("%s was not seeded: %w", t.Service, err)
		}
		made, _ = s.reports.LoadOrStore(t, seeded(n, t.Environment, time.Now()))
	}
	o := made.(slipway.Observed)
	o.At = time.Now().UTC().Truncate(time.Second)
	return o, nil
}

// control tells when Apply was called for a service, and profiles.
func (s *standing) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /profile", pprof.Profile)
	mux.HandleFunc("GET /applied", func(w http.ResponseWriter, r *http.Request) {
		select {
		case at := <-s.of(r.FormValue("service")):
			fmt.Fprint(w, at.UnixNano())
		case <-r.Context().Done():
		}
	})
	return mux
}
