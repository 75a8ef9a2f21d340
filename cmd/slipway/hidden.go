package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/process"
	"github.com/slipway-dev/slipway/internal/demo"
	"github.com/slipway-dev/slipway/internal/demoapp"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/jobs"
	"github.com/slipway-dev/slipway/internal/server/rest"
	"github.com/slipway-dev/slipway/internal/store"
)

// hiddenCommands are the programs that Slipway starts itself, and what builds
// and containers need.
func hiddenCommands() []*cobra.Command {
	commands := []*cobra.Command{
		{Use: "demo-app", Short: "The demo application", DisableFlagParsing: true,
			RunE: func(c *cobra.Command, args []string) error { return demoapp.Main(c.Context(), args, c.OutOrStdout()) }},
		{Use: process.ProxyCommand, Short: "The proxy of one process target", DisableFlagParsing: true,
			RunE: func(c *cobra.Command, args []string) error { return process.ProxyMain(c.Context(), args) }},
		{Use: jobs.SupervisorCommand, Short: "The supervisor of one job", DisableFlagParsing: true,
			RunE: func(c *cobra.Command, args []string) error { return jobs.SupervisorMain(c.Context(), args) }},
		{Use: "openapi", Short: "Print the OpenAPI document", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				document, err := rest.OpenAPI()
				if err == nil {
					_, err = c.OutOrStdout().Write(document)
				}
				return err
			}},
		deployerTableCommand(), wireTypesCommand(),
		healthcheckCommand(),
		devIssuerCommand(),
		demoSeedCommand(),
	}
	for _, c := range commands {
		c.Hidden = true
	}
	return commands
}

// healthcheckCommand is for images that have no curl.
func healthcheckCommand() *cobra.Command {
	var url string
	c := &cobra.Command{Use: "healthcheck", Short: "Ask a Slipway whether it is ready", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return exitError{exitUsage, err}
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return err
			}
			defer func() { _ = response.Body.Close() }()
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answered %s", url, response.Status)
			}
			return nil
		}}
	c.Flags().StringVar(&url, "url", "http://127.0.0.1:8080/readyz", "what to ask")
	return c
}

// demoSeedCommand fills an empty database with the demo, all of it simulated,
// for docker compose. It runs before the portal, which then serves --simulated.
func demoSeedCommand() *cobra.Command {
	return &cobra.Command{Use: "demo-seed", Short: "Fill an empty database with demo data", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig("", os.Environ())
			if err != nil {
				return exitError{exitUsage, err}
			}
			return withStore(c, "", func(ctx context.Context, s *store.Store, out io.Writer) error {
				quiet := slog.New(slog.DiscardHandler)
				simulated := newSimulated(cfg, quiet)
				if _, err := seedDemo(ctx, out, s, map[string]deployers.Deployer{demo.Simulated: simulated}, cfg, quiet); err != nil {
					return err
				}
				return takeTime(ctx, simulated)
			})
		}}
}

// devIssuerCommand is the development issuer on its own, for docker compose.
func devIssuerCommand() *cobra.Command {
	var listen, issuer, redirect string
	c := &cobra.Command{Use: "dev-issuer", Short: "An OpenID provider that lets anybody be anybody", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _ := gatherConfig("", os.Environ())
			origin := strings.TrimSuffix(redirect, "/auth/callback")
			handler, err := devissuer.New(devissuer.Config{Issuer: issuer, ClientID: cfg.OIDCClientID, ClientSecret: cfg.OIDCClientSecret,
				RedirectURI: redirect, PostLogoutRedirectURI: origin + "/sign-in", People: devPeople()})
			if err != nil {
				return exitError{exitUsage, err}
			}
			srv := &http.Server{Addr: listen, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
			stop := context.AfterFunc(c.Context(), func() { _ = srv.Close() })
			defer stop()
			if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		}}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:5556", "address")
	c.Flags().StringVar(&issuer, "issuer", "http://localhost:5556", "address as browsers and the portal see it")
	c.Flags().StringVar(&redirect, "redirect", "http://localhost:8080/auth/callback", "the portal's callback")
	return c
}
