package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/calendar"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/server/browser"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/server/rest"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/static"
)

// portal is a whole Slipway, put together and not yet started.
type portal struct {
	config   config
	log      *slog.Logger
	store    *store.Store
	queue    *store.Queue
	engine   *engine.Engine
	jobs     hostJobs
	others   others
	usecases *app.App
	chat     *chatops.Surface
	tellers  tellers
	people   vaultPeople
	server   *server.Server
	main     net.Listener
	metrics  net.Listener
}

// parts are what serve and dev make differently.
type parts struct {
	config    config
	log       *slog.Logger
	store     *store.Store
	deployers map[string]deployers.Deployer
	main      net.Listener // bound beforehand, so that a taken port is found early
	metrics   net.Listener
	devIssuer http.Handler
	people    []browser.DemoPerson // offered on the sign-in page of dev
}

func assemble(ctx context.Context, p parts) (*portal, error) {
	strangers, err := addOthers(p.config, p.log, p.deployers)
	if err != nil {
		return nil, err
	}
	strangers.introduce(ctx, p.log)
	registry := engine.NewRegistry(p.deployers)
	hostJobs, err := newHostJobs(p.config, p.log)
	if err != nil {
		return nil, err
	}
	outside, err := newAsking(p.config, hostJobs)
	if err != nil {
		return nil, err
	}
	eng := &engine.Engine{Jobs: hostJobs, Checks: outside.checks, Prober: outside.checks, Store: p.store, Wakes: p.store, Feed: p.store, Deployers: registry, Clock: p.store.Now, Log: p.log}
	eng.Archive, eng.Alone = p.store, strings.HasPrefix(p.config.DatabaseURL, "sqlite:")
	if eng.Keep, err = p.config.retention(); err != nil {
		return nil, err
	}
	queue, err := p.store.NewQueue(eng.Look, store.QueueOptions{})
	if err != nil {
		return nil, err
	}
	eng.Waker = queue
	usecases := &app.App{Store: p.store, Deployers: registry, Expressions: outside.expressions, Clock: p.store.Now, AdminGroup: p.config.AdminGroup}
	usecases.Calendars, usecases.Prober = &calendar.Calendars{}, outside.checks
	eng.Aids = slipway.Aids{Approvers: usecases, Calendars: usecases.Calendars}
	eng.Rights, eng.Settle = usecases, usecases.SettleSecrets
	if usecases.Secret, err = newSecrets(ctx, p.config, p.store, p.log); err != nil {
		return nil, err
	}
	people, err := joinPeople(p.config, p.store.Now, usecases.Secret)
	if err != nil {
		return nil, err
	}
	eng.Secrets = usecases.Secret
	told, err := newTellers(ctx, p, usecases)
	if err != nil {
		return nil, err
	}
	breakable(p.deployers, eng, usecases)
	srv, talk, err := newServer(ctx, p, usecases, outside.workloads(usecases.Clock), people.keys)
	if err != nil {
		return nil, err
	}
	return &portal{config: p.config, log: p.log, store: p.store, queue: queue, engine: eng, jobs: hostJobs, others: strangers, usecases: usecases, chat: talk, tellers: told, people: people, server: srv, main: p.main, metrics: p.metrics}, nil
}

// newServer puts the surfaces before the use cases. What chat asks for is worked
// on apart from the server, by the second result.
func newServer(ctx context.Context, p parts, usecases *app.App, jobs *identity.Workloads, vouchKeys []byte) (*server.Server, *chatops.Surface, error) {
	provider, err := newProvider(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	assets, err := static.New()
	if err != nil {
		return nil, nil, err
	}
	seal, err := sealOf(p.config)
	if err != nil {
		return nil, nil, err
	}
	pages, err := browser.New(browser.Config{App: usecases, Assets: assets, Version: version, DemoPeople: p.people, PublicURL: p.config.PublicURL, Provider: providerName(p),
		Chat: seal, ChatSystems: p.config.chatSystems()})
	if err != nil {
		return nil, nil, err
	}
	talk, err := newChat(p.config, usecases, seal, p.log)
	if err != nil {
		return nil, nil, err
	}
	proxies, err := p.config.proxies()
	if err != nil {
		return nil, nil, err
	}
	srv, err := server.New(server.Config{
		Log: p.log, PublicURL: p.config.PublicURL, Version: version, App: usecases, Feed: p.store, Sessions: p.store.Sessions(),
		Identity: provider, Workloads: jobs, Surfaces: []server.Surface{pages, rest.New(rest.Config{App: usecases, Version: version, PublicURL: p.config.PublicURL}), talk},
		Assets: assets.Handler(), DevIssuer: p.devIssuer, TrustedProxies: proxies, VouchKeys: vouchKeys,
		Ready: append([]server.Check{{Name: "database", Run: p.store.Ping}, {Name: "clock", Run: p.store.TimeInDoubt, Optional: true}}, secretsReady(usecases.Secret)...),
	})
	return srv, talk, err
}

func newProvider(ctx context.Context, p parts) (*identity.Provider, error) {
	c := p.config
	return identity.New(ctx, identity.Config{
		Now: p.store.Now, Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, ClientSecret: c.OIDCClientSecret,
		RedirectURL: c.PublicURL + "/auth/callback", GroupsClaim: c.OIDCGroupsClaim,
	})
}

// How long a stopping portal waits for requests and looks in progress.
const drainFor = 15 * time.Second

// run serves until ctx ends, then lets what is in progress finish.
func (p *portal) run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	if err := p.queue.Start(work); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.engine.Run(work) })
	wg.Go(func() { p.tellers.run(work) })
	wg.Go(func() { p.people.run(work) })
	wg.Go(func() { p.server.Run(work) })
	wg.Go(func() { p.chat.Run(work) })
	wg.Go(func() { p.forgetOutput(work) })
	wg.Go(func() { p.others.keepIntroducing(work, p.log) })

	failed := make(chan error, 2)
	servers := []*http.Server{p.server.HTTPServer("", p.server.Handler()), p.server.HTTPServer("", p.server.MetricsHandler())}
	for i, listener := range []net.Listener{p.main, p.metrics} {
		go func() { failed <- servers[i].Serve(listener) }()
	}
	p.log.InfoContext(ctx, "ready", "address", p.main.Addr().String(), "metrics", p.metrics.Addr().String(), "version", version)

	var err error
	select {
	case <-ctx.Done():
		p.log.Info("stopping: finishing what is in progress")
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	p.server.Close() // ends the event streams, which would hold Shutdown up
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(drain))
	}
	err = errors.Join(err, p.queue.Stop(drain))
	stopWork()
	wg.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// forgetOutput drops what jobs have printed, once nobody asks for it any more.
func (p *portal) forgetOutput(ctx context.Context) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		if err := p.jobs.Forget(ctx, p.store.Now().Add(-jobsFor)); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "what old jobs have printed stays for now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// providerName is what the sign-in button says: the issuer's host.
func providerName(p parts) string {
	u, err := url.Parse(p.config.OIDCIssuer)
	switch {
	case p.devIssuer != nil:
		return "a demo account"
	case err != nil:
		return p.config.OIDCIssuer
	default:
		return u.Hostname()
	}
}

// listen binds both addresses, so that one that is taken is said at once.
func listen(ctx context.Context, c config) (mainListener, metrics net.Listener, err error) {
	var lc net.ListenConfig
	if mainListener, err = lc.Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, nil, fmt.Errorf("SLIPWAY_LISTEN: %w", err)
	}
	if metrics, err = lc.Listen(ctx, "tcp", c.MetricsListen); err != nil {
		_ = mainListener.Close()
		return nil, nil, fmt.Errorf("SLIPWAY_METRICS_LISTEN: %w", err)
	}
	return mainListener, metrics, nil
}
