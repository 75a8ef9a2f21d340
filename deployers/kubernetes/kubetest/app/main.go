// Command app is the application that tests deploy to a cluster, and the pause
// program of its sandboxes. APP_MODE says how it behaves:
//
//	good         serves, and ends at once on SIGTERM, requests or not
//	never-ready  serves, but fails its readiness check
//	exits        tells its secret and ends with code 3, soon after its start
//	lingers      works on after SIGTERM until somebody asks for /let-go
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
		<-signals
		return
	}
	mode, version := os.Getenv("APP_MODE"), os.Getenv("APP_VERSION")
	fmt.Printf("version %s starts\n", version)
	if mode == "exits" {
		fmt.Fprintf(os.Stderr, "the ledger is not there, and the token is %s\n", os.Getenv("CANARY_TOKEN"))
		os.Exit(3)
	}
	letGo := make(chan struct{})
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: time.Minute}
	if mode == "lingers" {
		go linger(letGo, server)
	}
	host, _ := os.Hostname()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if mode == "never-ready" {
			http.Error(w, "no", http.StatusInternalServerError)
		}
	})
	http.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{
			"version": version, "instance": host, "environment": os.Getenv("SLIPWAY_ENVIRONMENT"), "site": os.Getenv("SLIPWAY_SITE"),
			"greeting": os.Getenv("GREETING"), "token": mask(os.Getenv("CANARY_TOKEN")),
		})
	})
	http.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-r.Context().Done():
		}
	})
	var once sync.Once
	http.HandleFunc("/let-go", func(http.ResponseWriter, *http.Request) { once.Do(func() { close(letGo) }) })
	err := server.ListenAndServe()
	if errors.Is(err, http.ErrServerClosed) {
		select {} // linger ends it
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// mask tells whether a value arrived without telling it.
func mask(value string) string {
	if value == "" {
		return "missing"
	}
	return fmt.Sprintf("%d bytes", len(value))
}

// linger leaves a note of how the work ended: finished, or cut by a second
// signal.
func linger(letGo chan struct{}, server *http.Server) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	end := "finished"
	select {
	case <-letGo:
	case <-signals:
		end = "cut"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(ctx) // who asked shall have an answer
	host, _ := os.Hostname()
	_ = os.WriteFile(filepath.Join("/ledger", end+"-"+host), nil, 0o600)
	os.Exit(0)
}
