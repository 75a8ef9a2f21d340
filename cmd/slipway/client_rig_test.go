package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/calendar"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/server/browser"
	"github.com/slipway-dev/slipway/internal/server/rest"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/static"
)

// clientRig is a Slipway with its engine running, for the command line to speak
// to: team web, environments staging and prod, and a token for each role.
type clientRig struct {
	t      *testing.T
	url    string
	tokens map[string]string
}

func newClientRig(t *testing.T) *clientRig {
	t.Helper()
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "cli.db")})
	fatal(t, err)
	fatal(t, db.Migrate(ctx))
	registry := engine.NewRegistry(map[string]deployers.Deployer{"fake": fake.New(fake.Options{})})
	usecases := &app.App{Store: db, Deployers: registry, Clock: time.Now, AdminGroup: "admins", Calendars: &calendar.Calendars{}}
	eng := &engine.Engine{Store: db, Wakes: db, Feed: db, Deployers: registry, Rights: usecases, Clock: time.Now, Log: log}
	queue, err := db.NewQueue(eng.Look, store.QueueOptions{})
	fatal(t, err)
	eng.Waker = queue
	work, stop := context.WithCancel(context.Background())
	fatal(t, queue.Start(work))
	done := make(chan struct{})
	go func() { defer close(done); eng.Run(work) }()
	assets, err := static.New()
	fatal(t, err)
	pages, err := browser.New(browser.Config{App: usecases, Assets: assets})
	fatal(t, err)
	srv, err := server.New(server.Config{Log: log, PublicURL: "http://slipway.test", App: usecases, Sessions: db.Sessions(),
		Surfaces: []server.Surface{pages, rest.New(rest.Config{App: usecases})}, Limit: server.RateLimit{PerSecond: 1e6, Burst: 1e6}})
	fatal(t, err)
	front := httptest.NewServer(srv.Handler())
	t.Cleanup(func() {
		front.Close()
		fatal(t, queue.Stop(context.Background()))
		stop()
		<-done
		fatal(t, db.Close())
	})
	r := &clientRig{t: t, url: front.URL, tokens: map[string]string{}}
	r.furnish(ctx, usecases)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "config"))
	t.Setenv("SLIPWAY_URL", r.url)
	r.be("admin")
	return r
}

func (r *clientRig) furnish(ctx context.Context, a *app.App) {
	admin := slipway.Actor{Kind: slipway.ActorUser, ID: "admin", Name: "Admin", Groups: []string{"admins"}}
	fatal(r.t, a.Store.Write(ctx, func(tx slipway.Tx) error {
		for _, id := range []string{"admin", "viewer", "approver"} {
			u := slipway.User{ID: id, Issuer: "test", Subject: id, Name: strings.ToUpper(id[:1]) + id[1:]}
			if id == "admin" {
				u.Groups = admin.Groups
			}
			if err := tx.People().PutUser(ctx, u); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := a.PutTeam(ctx, admin, app.PutTeam{Team: slipway.Team{Name: "web"}})
	fatal(r.t, err)
	for i, name := range []string{"staging", "prod"} {
		_, err := a.PutEnvironment(ctx, admin, app.PutEnvironment{Environment: slipway.Environment{Name: name, Rank: i, Tier: slipway.TierStaging}})
		fatal(r.t, err)
	}
	for id, role := range map[string]slipway.Role{"viewer": slipway.RoleViewer, "approver": slipway.RoleApprover} {
		_, err := a.AddBinding(ctx, admin, app.AddBinding{Binding: slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: id},
			Role: role, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "web"}}})
		fatal(r.t, err)
	}
	for _, id := range []string{"admin", "viewer", "approver"} {
		plain, tokenID, hash := identity.MintToken()
		actor := slipway.Actor{Kind: slipway.ActorUser, ID: id, Name: id}
		if id == "admin" {
			actor = admin
		}
		_, err := a.CreateToken(ctx, actor, app.CreateToken{ID: tokenID, SecretHash: hash, Name: "test"})
		fatal(r.t, err)
		r.tokens[id] = plain
	}
}

// be makes the next commands those of a role.
func (r *clientRig) be(role string) { r.t.Setenv("SLIPWAY_TOKEN", r.tokens[role]) }

// slipwayCLI runs a command line in this process, as run does.
func slipwayCLI(t *testing.T, stdin string, args ...string) (code int, out, problem string) {
	t.Helper()
	root := rootCommand()
	var stdout bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stdout)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	var exit exitError
	switch {
	case err == nil:
		return exitOK, stdout.String(), ""
	case errors.As(err, &exit):
		return exit.code, stdout.String(), err.Error()
	default:
		return exitFailed, stdout.String(), err.Error()
	}
}

// expect runs a command line and checks how it ends and what it says, on either
// channel.
func (r *clientRig) expect(code int, says string, args ...string) string {
	r.t.Helper()
	got, out, problem := slipwayCLI(r.t, "", args...)
	if got != code || !strings.Contains(out+problem, says) {
		r.t.Fatalf("slipway %s: exit code %d, not %d, or it does not say %q:\n%s\n%s", strings.Join(args, " "), got, code, says, out, problem)
	}
	if strings.Contains(out+problem, "\x1b[") {
		r.t.Errorf("slipway %s: colour, and no terminal", strings.Join(args, " "))
	}
	return out
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
