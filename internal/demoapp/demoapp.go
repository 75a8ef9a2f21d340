package demoapp

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// shutdownLimit is how long requests in flight may go on after SIGTERM.
const shutdownLimit = 25 * time.Second

// Main runs the demo application until ctx ends or SIGTERM or SIGINT comes, and
// then lets the requests in flight finish. The bundle is read once. Flags:
// --bundle FILE, --listen ADDRESS (default 127.0.0.1:$PORT).
func Main(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("demo-app", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	path := flags.String("bundle", "", "bundle file")
	listen := flags.String("listen", "", "listen address, default 127.0.0.1:$PORT")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("demo-app: %w", err)
	}
	if *path == "" {
		return errors.New("demo-app: --bundle is needed")
	}
	bundle, err := readBundle(*path)
	if err != nil {
		return fmt.Errorf("demo-app: %w", err)
	}
	address, err := listenAddress(*listen)
	if err != nil {
		return err
	}
	a := newApp(bundle, slog.New(slog.NewJSONHandler(stdout, nil)))
	if bundle.Fail == FailCrash {
		a.log.Error("cannot start", "reason", "this version is made to crash")
		return fmt.Errorf("demo-app: %s %s cannot find its configuration (made to crash)", bundle.Service, bundle.Version)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	return a.serve(ctx, address)
}

func listenAddress(listen string) (string, error) {
	if listen != "" {
		return listen, nil
	}
	port := os.Getenv("PORT")
	if port == "" {
		return "", errors.New("demo-app: neither --listen nor PORT is set")
	}
	return net.JoinHostPort("127.0.0.1", port), nil
}

// app is one running instance. The switches are what /break turns on.
type app struct {
	bundle      Bundle
	instance    string
	environment string
	log         *slog.Logger

	unready  atomic.Bool
	errors   atomic.Bool
	requests atomic.Int64
}

func newApp(bundle Bundle, log *slog.Logger) *app {
	instance := os.Getenv("SLIPWAY_INSTANCE")
	if instance == "" {
		instance = rand.Text()
	}
	environment := os.Getenv("SLIPWAY_ENVIRONMENT")
	if environment == "" {
		environment = "local"
	}
	log = log.With("service", bundle.Service, "version", bundle.Version, "instance", instance)
	return &app{bundle: bundle, instance: instance, environment: environment, log: log}
}

func (a *app) serve(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("demo-app: %w", err)
	}
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	a.log.Info("listening", "address", listener.Addr().String(), "environment", a.environment)
	select {
	case err := <-failed:
		return fmt.Errorf("demo-app: %w", err)
	case <-ctx.Done():
	}
	a.log.Info("stopping: finishing the requests in flight")
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return fmt.Errorf("demo-app: shutdown: %w", err)
	}
	a.log.Info("stopped")
	return nil
}
