// Simulation-api answers questions all day and runs simulations that take
// minutes. It shows what a service has to do so that it can be released at any
// time: answer /healthz, export /metrics, and on SIGTERM take nothing new and
// finish what it has begun.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Set when it is built: go build -ldflags "-X main.version=1.2.0".
var (
	version = "dev"
	// algorithm is "linear", or "quadratic" in the release that somebody meant
	// well with.
	algorithm = "linear"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	results := flag.String("results", "results", "directory that all versions share, where finished simulations are kept")
	patience := flag.Duration("patience", 10*time.Minute, "how long simulations at work may go on after SIGTERM")
	flag.Parse()
	if err := os.MkdirAll(*results, 0o755); err != nil {
		return err
	}
	log.SetFlags(0)

	simulations := newSimulations(*results)
	figures := newFigures(version)
	server := &http.Server{Handler: routes(simulations, figures), ReadHeaderTimeout: 10 * time.Second}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Printf("simulation-api %s (%s) answers on %s", version, algorithm, listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	// The order matters: no new simulations, then the requests that are being
	// answered, then the simulations that are at work.
	simulations.close()
	log.Printf("stopping: %d simulations at work are finished first", simulations.running())
	limit, giveUp := context.WithTimeout(context.Background(), *patience)
	defer giveUp()
	err = errors.Join(server.Shutdown(limit), simulations.wait(limit))
	log.Printf("stopped: %d simulations were interrupted", simulations.running())
	return err
}

func routes(s *simulations, f *figures) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if s.closed() {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /price", f.timed(http.HandlerFunc(price)))
	mux.HandleFunc("POST /simulations", s.begin)
	mux.HandleFunc("GET /simulations/{id}", s.show)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, version) })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { f.write(w, s.running()) })
	return mux
}
