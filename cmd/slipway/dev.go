package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/demo"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/server/browser"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// devOptions are the flags of `slipway dev`.
type devOptions struct {
	listen, metrics, dir, logLevel string
	remove                         bool
}

func devCommand() *cobra.Command {
	var o devOptions
	c := &cobra.Command{
		Use: "dev", Short: "Run everything on this machine, with demo data", Args: cobra.NoArgs,
		Long: "Runs the portal with an SQLite database, a built-in OpenID provider that anybody may sign in at,\nand demo data. All of its state lies under --dir. It listens on this machine only.",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.remove {
				return removeDev(c.Context(), c.OutOrStdout(), o)
			}
			return dev(c.Context(), c.OutOrStdout(), o)
		},
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8080", "address of the portal; must be of this machine")
	c.Flags().StringVar(&o.metrics, "metrics-listen", "127.0.0.1:9090", "address of /metrics")
	c.Flags().StringVar(&o.dir, "dir", ".slipway", "where everything is kept")
	c.Flags().StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error; the log is in DIR/slipway.log")
	c.Flags().BoolVar(&o.remove, "remove", false, "end the demo's services and delete --dir instead; stop the portal first")
	return c
}

// removeDev ends everything that a dev portal left running and deletes its
// directory: services outlive the portal on purpose, but not their owner's
// patience.
func removeDev(ctx context.Context, out io.Writer, o devOptions) error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "slipway.db")); err != nil {
		return fmt.Errorf("%s holds no `slipway dev`: %w", dir, err)
	}
	processes, err := newProcessDeployer(config{DataDir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	targets, err := processes.Targets()
	if err != nil {
		return err
	}
	for _, t := range targets {
		if err := processes.Destroy(ctx, t); err != nil {
			return fmt.Errorf("end %s: %w", t, err)
		}
	}
	if err := processes.Close(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "Ended the services of %d targets. Deleting %s.\n", len(targets), dir)
	return os.RemoveAll(dir)
}

func dev(ctx context.Context, out io.Writer, o devOptions) (err error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	mainListener, metrics, err := listen(ctx, config{Listen: o.listen, MetricsListen: o.metrics})
	if err != nil {
		return err
	}
	address, ok := mainListener.Addr().(*net.TCPAddr)
	if !ok || !address.IP.IsLoopback() {
		return exitError{exitUsage, fmt.Errorf("--listen %s: anybody may sign in at `slipway dev`, so it listens on this machine only (127.0.0.1)", o.listen)}
	}
	c, err := devConfig(fmt.Sprintf("http://localhost:%d", address.Port), dir, o).forDev(os.Environ())
	if err != nil {
		return exitError{exitUsage, err}
	}
	logFile, err := os.OpenFile(filepath.Join(dir, "slipway.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logFile.Close()) }()
	log := newLog(logFile, c.LogLevel)
	db, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	backends, closeOwn, err := ownDeployers(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeOwn(context.WithoutCancel(ctx))) }()
	simulated := newSimulated(c, log)
	backends[demo.Simulated] = simulated
	issuer, err := newDevIssuer(c)
	if err != nil {
		return err
	}
	if c.SecretKey, err = devSecretKey(dir); err != nil {
		return err
	}
	p, err := assemble(ctx, parts{config: c, log: log, store: db, deployers: backends, main: mainListener, metrics: metrics,
		devIssuer: issuer, people: demoPeople()})
	if err != nil {
		return err
	}
	if err := furnish(ctx, out, p, backends, dir, log); err != nil {
		return err
	}
	if err := takeTime(ctx, simulated); err != nil {
		return err
	}
	welcome(out, c.PublicURL, dir)
	return p.run(ctx)
}

// newSimulated is the demo's deployer that runs nothing.
func newSimulated(c config, log *slog.Logger) *fake.Deployer {
	return fake.New(fake.Options{Dir: filepath.Join(c.DataDir, "simulated"), Log: log})
}

func devConfig(publicURL, dir string, o devOptions) config {
	return config{PublicURL: publicURL, DatabaseURL: "sqlite:" + filepath.Join(dir, "slipway.db"), DataDir: dir, LogLevel: o.logLevel,
		OIDCIssuer: publicURL + "/dev/issuer", OIDCClientID: "slipway-dev", OIDCClientSecret: rand.Text(), OIDCGroupsClaim: "groups",
		AdminGroup: demo.AdminGroup}
}

// devSecretKey makes the key of the built-in secret store once, beside what it
// seals: it keeps values out of copies of the database, and nothing more.
func devSecretKey(dir string) (string, error) {
	path := filepath.Join(dir, "secret-key")
	kept, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	key := make([]byte, sealed.KeySize)
	_, _ = rand.Read(key) // never fails
	text := base64.StdEncoding.EncodeToString(key)
	return text, os.WriteFile(path, []byte(text+"\n"), 0o600)
}

// devPeople are the four who sign in at `slipway dev`.
func devPeople() []devissuer.Person {
	return []devissuer.Person{
		{ID: "ana", Name: "Ana Nordin", Email: "ana@example.com", Groups: []string{demo.AdminGroup, demo.SREGroup}, Note: "Administrator: may do everything."},
		{ID: "mira", Name: "Mira Holm", Email: "mira@example.com", Groups: []string{demo.MaintainerGroup, demo.DeveloperGroup}, Note: "Maintainer of Payments: services, pipelines, approvals, rollbacks there."},
		{ID: "jonas", Name: "Jonas Lind", Email: "jonas@example.com", Groups: []string{demo.DeveloperGroup}, Note: "Developer in Payments and Storefront: releases and promotes."},
		{ID: "ben", Name: "Ben Okafor", Email: "ben@example.com", Groups: []string{demo.LeadsGroup, demo.SREGroup}, Note: "Approver: decides on production, may roll back."},
	}
}

func demoPeople() []browser.DemoPerson {
	var people []browser.DemoPerson
	for _, p := range devPeople() {
		people = append(people, browser.DemoPerson{ID: p.ID, Name: p.Name, Note: p.Note})
	}
	return people
}

func newDevIssuer(c config) (http.Handler, error) {
	return devissuer.New(devissuer.Config{Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, ClientSecret: c.OIDCClientSecret,
		RedirectURI: c.PublicURL + "/auth/callback", PostLogoutRedirectURI: c.PublicURL + "/sign-in", People: devPeople()})
}

// furnish plays the demo's story into a fresh store and makes the token of the
// README's tour.
func furnish(ctx context.Context, out io.Writer, p *portal, backends map[string]deployers.Deployer, dir string, log *slog.Logger) error {
	admin, err := seedDemo(ctx, out, p.store, backends, p.config, log)
	if err != nil {
		return err
	}
	return writeToken(ctx, p, admin, filepath.Join(dir, "token"))
}

// takeTime has simulated rollouts last a few looks, so that there is something
// to watch. What runs already stays ready.
func takeTime(ctx context.Context, simulated *fake.Deployer) error {
	return simulated.SetScript(ctx, deployers.Target{}, "", fake.Script{ReadyAfter: 12})
}

// seedDemo fills an empty store and starts what its story left live. It returns
// the demo's administrator.
func seedDemo(ctx context.Context, out io.Writer, s *store.Store, backends map[string]deployers.Deployer, c config, log *slog.Logger) (slipway.User, error) {
	self, err := os.Executable()
	if err != nil {
		return slipway.User{}, err
	}
	people := map[string]slipway.User{}
	for _, d := range devPeople() {
		people[d.ID] = slipway.User{ID: app.UserID(c.OIDCIssuer, d.ID), Issuer: c.OIDCIssuer, Subject: d.ID,
			Name: d.Name, Email: d.Email, Groups: d.Groups, LastSeen: time.Now().UTC()}
	}
	seeded, err := demo.Seed(ctx, demo.Options{Store: s, Real: backends, Program: self, Dir: c.DataDir, Now: time.Now().UTC().Truncate(time.Microsecond), Log: log,
		People: demo.People{Admin: people["ana"], Maintainer: people["mira"], Developer: people["jonas"], Approver: people["ben"]}})
	if err != nil || !seeded {
		return people["ana"], err
	}
	fmt.Fprintln(out, "First start: played two weeks of demo history, starting the demo's services.")
	return people["ana"], demo.HandOver(ctx, s, engine.NewRegistry(backends), func(line string) { log.Info(line) })
}

// writeToken keeps an administrator's API token in a file, for curl. One that
// still works is kept.
func writeToken(ctx context.Context, p *portal, admin slipway.User, path string) error {
	usecases := p.usecases
	if kept, err := os.ReadFile(path); err == nil {
		if id, hash, err := identity.ParseToken(string(kept)); err == nil {
			if _, err := usecases.Authenticate(ctx, id, hash); err == nil {
				return nil
			}
		}
	}
	err := p.store.Write(ctx, func(tx slipway.Tx) error {
		_, err := tx.People().User(ctx, admin.ID)
		if slipway.IsNotFound(err) { // another port than last time: another issuer, other people
			return tx.People().PutUser(ctx, admin)
		}
		return err
	})
	if err != nil {
		return err
	}
	plain, id, hash := identity.MintToken()
	actor := app.UserActor(admin)
	actor.Via, actor.RequestID = slipway.ViaEngine, "slipway dev"
	if _, err := usecases.CreateToken(ctx, actor, app.CreateToken{ID: id, SecretHash: hash, Name: "slipway dev"}); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(plain), 0o600)
}

func welcome(out io.Writer, url, dir string) {
	fmt.Fprintf(out, "\nSlipway is at %s\n\nSign in as one of\n", url)
	for _, p := range devPeople() {
		fmt.Fprintf(out, "  %-11s %s\n", p.Name, p.Note)
	}
	fmt.Fprintf(out, "\nFor curl:  export SLIPWAY_URL=%s SLIPWAY_TOKEN=$(cat %s)\nLog:       %s\nStop with Ctrl-C; the demo's services go on running. `slipway dev` finds\nthem again, `slipway dev --remove` ends them and deletes all of this.\n",
		url, filepath.Join(dir, "token"), filepath.Join(dir, "slipway.log"))
}
