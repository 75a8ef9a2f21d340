package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

func deployerCommand() *cobra.Command {
	c := &cobra.Command{Use: "deployer", Short: "Help to write a deployer of your own"}
	c.AddCommand(conformanceCommand())
	return c
}

// conformance is a run of the suite against somebody's deployer.
type conformance struct {
	other  otherDeployer
	env    []string
	config string
	only   string
	out    io.Writer
}

func conformanceCommand() *cobra.Command {
	var r conformance
	c := &cobra.Command{
		Use: "conformance --exec PATH | --url URL --secret-file FILE", Short: "Hold a deployer to the contract, rule by rule", Args: cobra.NoArgs,
		Long: "Deploys releases through the deployer, under service names that nobody else uses, and says of every rule of\nthe contract whether it is kept. docs/deployer-protocol.md describes the protocol, and what --config is.\nExit code 0: every rule that applies is kept; 1: one is not, or there was no answer; 2: usage.",
		RunE: func(c *cobra.Command, _ []string) error {
			r.out = c.OutOrStdout()
			return r.run(c.Context())
		},
	}
	c.Flags().StringVar(&r.other.Exec, "exec", "", "the program")
	c.Flags().StringArrayVar(&r.env, "env", nil, "NAME=VALUE in the environment of the program; may be repeated")
	c.Flags().StringVar(&r.other.Webhook, "url", "", "the address of the web service")
	c.Flags().StringVar(&r.other.SecretFile, "secret-file", "", "file of the secret that requests to it are signed with")
	c.Flags().StringVar(&r.other.Timeout, "timeout", "", "how long one call may take (1m)")
	c.Flags().StringVar(&r.config, "config", `{"good":{"config":{}}}`, "JSON, or the path of a file of it: the releases that are deployed")
	c.Flags().StringVar(&r.only, "run", "", "a regular expression: try only the rules that match it")
	return c
}

func (r conformance) run(ctx context.Context) error {
	releases, here, err := r.releases()
	if err != nil {
		return exitError{exitUsage, fmt.Errorf("--config: %w", err)}
	}
	dir, err := os.MkdirTemp("", "slipway-conformance-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	only, err := regexp.Compile(r.only)
	if err == nil {
		err = r.prepare()
	}
	if err != nil {
		return exitError{exitUsage, err}
	}
	first, err := r.client(dir, nil)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := first.Introduce(ctx); err != nil {
		return exitError{exitFailed, fmt.Errorf("it does not say what it can do, so nothing was tried: %w", err)}
	}
	fmt.Fprintf(r.out, "%s\n\n", first.Capabilities().Summary)
	h := releases.Harness(map[string]string{"dir": dir, "here": here})
	h.Only = only
	h.New = func(t deployertest.T, log *slog.Logger) deployertest.Subject {
		own, err := os.MkdirTemp(dir, "check-")
		if err != nil {
			t.Fatalf("%v", err)
		}
		whole := func(t deployertest.T) deployers.Deployer {
			c, err := r.client(own, log)
			if err != nil {
				t.Fatalf("%v", err)
			}
			deployertest.Eventually(t, time.Minute, "it says what it can do", func() (bool, string) {
				err := c.Introduce(ctx)
				return err == nil, fmt.Sprint(err)
			})
			t.Cleanup(func() { tidy(context.WithoutCancel(ctx), t, c) })
			return c.Whole()
		}
		s := deployertest.Subject{Deployer: whole(t)}
		if r.other.Exec != "" {
			s.Restart = whole // no process of it lives between two calls
		}
		return s
	}
	return r.report(h)
}

// newestOfAll is a generation that nothing in a check comes near to.
const newestOfAll = 1 << 40

// tidy ends what a check has left running: nobody else will.
func tidy(ctx context.Context, t deployertest.T, c *protocol.Client) {
	for _, target := range c.Targets() {
		var err error
		if destroyer, ok := c.Whole().(deployers.Destroyer); ok {
			err = destroyer.Destroy(ctx, target)
		} else {
			err = c.Apply(ctx, target, deployers.Desired{Generation: newestOfAll})
		}
		if err != nil {
			t.Errorf("what was deployed as %s may still run: %v", target, err)
		}
	}
}

// releases reads --config, and says where the files beside it are.
func (r conformance) releases() (deployertest.Releases, string, error) {
	text, from := []byte(r.config), "."
	if !strings.HasPrefix(strings.TrimSpace(r.config), "{") {
		var err error
		if text, err = os.ReadFile(r.config); err != nil {
			return deployertest.Releases{}, "", err
		}
		from = filepath.Dir(r.config)
	}
	here, err := filepath.Abs(from)
	if err != nil {
		return deployertest.Releases{}, "", err
	}
	releases, err := deployertest.ReadReleases(text)
	return releases, here, err
}

func (r *conformance) prepare() error {
	if r.other.Exec != "" {
		path, err := filepath.Abs(r.other.Exec)
		if err != nil {
			return err
		}
		r.other.Exec = path
	}
	for _, pair := range r.env {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return fmt.Errorf("--env %q is not NAME=VALUE", pair)
		}
		if r.other.Env == nil {
			r.other.Env = map[string]string{}
		}
		r.other.Env[name] = value
	}
	return nil
}

func (r conformance) client(dir string, log *slog.Logger) (*protocol.Client, error) {
	return r.other.client("under test", dir, protocol.Options{Log: log, Strict: true})
}

// report prints each result as it comes. What was broken is told with all that
// the check has to say.
func (r conformance) report(h deployertest.Harness) error {
	words := map[deployertest.Outcome]string{deployertest.Pass: "ok", deployertest.Fail: "FAILED", deployertest.Skip: "not offered"}
	counts := map[deployertest.Outcome]int{}
	began := time.Now()
	kept := deployertest.Conform(h, func(result deployertest.Result) {
		counts[result.Outcome]++
		fmt.Fprintf(r.out, "%-12s %s\n", words[result.Outcome], result.Name)
		if result.Outcome == deployertest.Pass {
			return
		}
		for _, line := range result.Log {
			fmt.Fprintf(r.out, "%-12s   %s\n", "", strings.ReplaceAll(line, "\n", "\n"+strings.Repeat(" ", 15)))
		}
	})
	fmt.Fprintf(r.out, "\n%d rules kept, %d broken, %d not offered, in %s\n", counts[deployertest.Pass], counts[deployertest.Fail],
		counts[deployertest.Skip], time.Since(began).Round(time.Second/10))
	if !kept {
		return exitError{exitFailed, errors.New("the deployer does not keep the contract")}
	}
	return nil
}
