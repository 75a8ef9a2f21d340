package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/kubernetes"
	"github.com/slipway-dev/slipway/deployers/process"
	"github.com/slipway-dev/slipway/deployers/terraform"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/demo"
	"github.com/slipway-dev/slipway/internal/store"
)

func serveCommand() *cobra.Command {
	var path string
	var simulated bool
	c := &cobra.Command{
		Use: "serve", Short: "Run the portal", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path, os.Environ())
			if err != nil {
				return exitError{exitUsage, fmt.Errorf("the configuration is wrong, nothing was started:\n%w", err)}
			}
			return serve(c.Context(), cfg, simulated)
		},
	}
	c.Flags().StringVar(&path, "config", "", "YAML file with the same keys as the environment")
	c.Flags().BoolVar(&simulated, "simulated", false, "also offer the deployer that runs nothing, for demo data")
	return c
}

func serve(ctx context.Context, c config, simulated bool) (err error) {
	log := newLog(os.Stderr, c.LogLevel)
	mainListener, metrics, err := listen(ctx, c)
	if err != nil {
		return err
	}
	db, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Ping(ctx); err != nil {
		return fmt.Errorf("the database is not ready (slipway migrate up prepares it): %w", err)
	}
	backends, closeOwn, err := ownDeployers(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeOwn(context.WithoutCancel(ctx))) }()
	if simulated {
		backends[demo.Simulated] = newSimulated(c, log)
	}
	p, err := assemble(ctx, parts{config: c, log: log, store: db, main: mainListener, metrics: metrics, deployers: backends})
	if err != nil {
		return err
	}
	return p.run(ctx)
}

func newLog(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checked with the configuration; info otherwise
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}

func openStore(ctx context.Context, c config, log *slog.Logger) (*store.Store, error) {
	if os.Getenv("GOMAXPROCS") == "" {
		store.MakeRoom(c.DatabaseURL)
	}
	return store.Open(ctx, store.Config{URL: c.DatabaseURL, Wall: wallClock, Log: log})
}

// ownDeployers are those that Slipway brings, by the names that pipelines use.
func ownDeployers(c config, log *slog.Logger) (map[string]deployers.Deployer, func(context.Context) error, error) {
	processes, err := newProcessDeployer(c, log)
	if err != nil {
		return nil, nil, err
	}
	infrastructure := terraform.New(terraform.Options{Dir: filepath.Join(c.DataDir, "terraform"), Binary: c.Terraform, Log: log})
	clusters := newKubernetesDeployer(log)
	closeAll := func(ctx context.Context) error {
		infrastructure.Close()
		return errors.Join(processes.Close(ctx), clusters.Close(ctx))
	}
	return map[string]deployers.Deployer{"kubernetes": clusters, "process": processes, "terraform": infrastructure}, closeAll, nil
}

// newProcessDeployer runs releases on this host; this very binary is their
// proxy.
func newProcessDeployer(c config, log *slog.Logger) (*process.Deployer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return process.New(filepath.Join(c.DataDir, "process"), self, log)
}

// newKubernetesDeployer reaches clusters by Kubernetes' own conventions: the
// service account of the pod, or KUBECONFIG, whose contexts pipelines may name.
// Its records lie in the portal's namespace.
func newKubernetesDeployer(log *slog.Logger) *kubernetes.Deployer {
	namespace, _ := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace") // only there in a pod
	return kubernetes.New(kubernetes.Options{Namespace: string(namespace), Log: log})
}

func migrateCommand() *cobra.Command {
	var path string
	c := &cobra.Command{Use: "migrate", Short: "Prepare the database, take a step back, or show where it is"}
	c.PersistentFlags().StringVar(&path, "config", "", "YAML file with the same keys as the environment")
	sub := func(use, short string, do func(context.Context, *store.Store, io.Writer) error) {
		c.AddCommand(&cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, path, do)
		}})
	}
	sub("up", "Bring the database up to date", func(ctx context.Context, s *store.Store, _ io.Writer) error { return s.Migrate(ctx) })
	sub("down", "Take back the newest migration", func(ctx context.Context, s *store.Store, _ io.Writer) error { return s.MigrateDown(ctx) })
	sub("status", "List the migrations", func(ctx context.Context, s *store.Store, w io.Writer) error {
		list, err := s.MigrationStatus(ctx)
		for _, m := range list {
			fmt.Fprintln(w, m)
		}
		return err
	})
	return c
}

func auditCommand() *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "Look after the audit"}
	var path string
	verify := &cobra.Command{
		Use: "verify", Short: "Walk every chain of the audit and name the first broken record", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return withStore(c, path, verifyAudit) },
	}
	verify.Flags().StringVar(&path, "config", "", "YAML file with the same keys as the environment")
	c.AddCommand(verify)
	return c
}

func verifyAudit(ctx context.Context, s *store.Store, w io.Writer) error {
	reports, err := app.VerifyAudit(ctx, s)
	if err != nil {
		return err
	}
	broken := false
	for _, r := range reports {
		if r.Fault != "" {
			broken = true
			fmt.Fprintf(w, "BROKEN  %s\n", r.Fault)
			continue
		}
		fmt.Fprintf(w, "whole   chain %s, %d entries, head %s\n", r.Chain, r.Entries, r.Head)
	}
	if broken {
		return exitError{exitFailed, errors.New("the audit was tampered with, or its storage is damaged")}
	}
	return nil
}

// withStore runs a command that needs nothing but the database.
func withStore(c *cobra.Command, path string, do func(context.Context, *store.Store, io.Writer) error) (err error) {
	cfg, err := loadDatabaseConfig(path, os.Environ())
	if err != nil {
		return exitError{exitUsage, fmt.Errorf("the configuration is wrong:\n%w", err)}
	}
	s, err := openStore(c.Context(), cfg, newLog(os.Stderr, cfg.LogLevel))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(c.Context(), s, c.OutOrStdout())
}

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Show the configuration"}
	var path string
	show := &cobra.Command{
		Use: "print", Short: "Print the configuration in force, secrets as ***", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path, os.Environ())
			cfg.print(c.OutOrStdout())
			if err != nil {
				return exitError{exitUsage, fmt.Errorf("the configuration is wrong:\n%w", err)}
			}
			return nil
		},
	}
	show.Flags().StringVar(&path, "config", "", "YAML file with the same keys as the environment")
	c.AddCommand(show)
	return c
}

func databaseCommand() *cobra.Command {
	var path string
	c := &cobra.Command{Use: "database", Short: "Back the database up, and make it safe to use after a restore"}
	c.PersistentFlags().StringVar(&path, "config", "", "YAML file with the same keys as the environment")
	c.AddCommand(&cobra.Command{
		Use: "backup FILE", Short: "Write a consistent copy of an SQLite database, while it is in use", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(c, path, func(ctx context.Context, s *store.Store, w io.Writer) error {
				if err := s.Backup(ctx, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintln(w, "Wrote "+args[0]+".")
				return err
			})
		},
	}, &cobra.Command{
		Use: "restored", Short: "Say that this database came from a backup: deployment ids leap ahead", Args: cobra.NoArgs,
		Long: "Deployers refuse generations older than the newest they have seen, and generations are made of deployment ids.\nRun this once after a restore, before the first start, so that no id is given out a second time.",
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, path, func(ctx context.Context, s *store.Store, w io.Writer) error {
				if err := s.AfterRestore(ctx); err != nil {
					return err
				}
				_, err := fmt.Fprintln(w, "New deployments get ids that no deployer has seen.")
				return err
			})
		},
	})
	return c
}
