package process

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ProxyCommand is the hidden subcommand under which the executable that is
// given to New has to call ProxyMain.
const ProxyCommand = "process-proxy"

const (
	tokenVariable = "SLIPWAY_INSTANCE"
	// proxySpeaks grows with what routes can say, since a proxy may be older than
	// the Slipway that adopts it: 0 knows weights, 1 matches and the preview too.
	proxySpeaks    = 1
	controlTimeout = 5 * time.Second
	maxControl     = 1 << 20
)

// proxyStatus is what the proxy says of itself over its control socket.
type proxyStatus struct {
	Token    string         `json:"token"`
	Speaks   int            `json:"speaks"` // see proxySpeaks
	Routes   routes         `json:"routes"`
	InFlight map[string]int `json:"inFlight"`
}

// ProxyMain is the reverse proxy of one target, a process of its own so that a
// restart of Slipway drops no request. It runs until SIGTERM or the end of ctx,
// then lets the requests in flight finish. Flags: --dir (the target's
// directory, where it listens on proxy.sock for its routes), --port.
func ProxyMain(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(ProxyCommand, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", "", "directory of the target")
	port := flags.Int("port", 0, "port on 127.0.0.1")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	errorLog := log.New(os.Stderr, "", log.LstdFlags|log.LUTC)
	b := newBalancer()
	p := &proxyProcess{
		token: os.Getenv(tokenVariable), balancer: b, failed: make(chan error, 1),
		main: newDoor(newForwarder(b, false, errorLog)), preview: newDoor(newForwarder(b, true, errorLog)),
	}
	if err := p.main.move(*port, p.failed); err != nil {
		return err
	}
	p.routes.Port = *port
	control, closeControl, err := listenControl(*dir)
	if err != nil {
		return err
	}
	defer closeControl()
	server := &http.Server{Handler: p.handler(), ReadHeaderTimeout: controlTimeout, ErrorLog: errorLog}
	go func() { p.failed <- server.Serve(control) }()
	select {
	case err := <-p.failed:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), controlTimeout)
	defer cancel()
	return errors.Join(p.main.server.Shutdown(limit), p.preview.server.Shutdown(limit), server.Close())
}

// listenControl listens on dir/proxy.sock through the descriptor of the
// directory, since the path of a socket is limited to 108 bytes.
func listenControl(dir string) (net.Listener, func(), error) {
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	opened, err := os.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("unix", socketAddress(opened))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("control socket: %w", err), opened.Close())
	}
	return listener, func() { _ = opened.Close() }, nil
}

func socketAddress(dir *os.File) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName)
}

type proxyProcess struct {
	token         string
	balancer      *balancer
	main, preview *door
	failed        chan error

	mu     sync.Mutex
	routes routes
}

// door is an address of the proxy.
type door struct {
	server   *http.Server
	listener net.Listener
	port     int
}

func newDoor(f *forwarder) *door {
	return &door{server: &http.Server{
		Handler: f, ReadHeaderTimeout: headerLimit, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes, ErrorLog: f.proxy.ErrorLog,
	}}
}

// move opens the door at another port, or closes it (0). Connections of the old
// port go on.
func (d *door) move(port int, failed chan<- error) error {
	if port == d.port {
		return nil
	}
	old := d.listener
	d.listener = nil
	if port != 0 {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("port %d of 127.0.0.1 is taken by another program", port)
		}
		if err != nil {
			d.listener = old
			return err
		}
		d.listener = listener
		go func() {
			err := d.server.Serve(listener)
			if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				failed <- err
			}
		}()
	}
	d.port = port
	if old != nil {
		_ = old.Close()
	}
	return nil
}

func (p *proxyProcess) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		status := proxyStatus{Token: p.token, Speaks: proxySpeaks, Routes: p.routes}
		p.mu.Unlock()
		status.InFlight = p.balancer.inFlight()
		_ = json.NewEncoder(w).Encode(status)
	})
	mux.HandleFunc("PUT /routes", func(w http.ResponseWriter, r *http.Request) {
		var next routes
		if err := json.NewDecoder(io.LimitReader(r.Body, maxControl)).Decode(&next); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := p.setRoutes(next); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	return mux
}

// setRoutes puts the routes into force. A preview address that cannot open stops
// nobody but those who want to see something there.
func (p *proxyProcess) setRoutes(next routes) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.main.move(next.Port, p.failed); err != nil {
		return err
	}
	p.balancer.set(next)
	p.routes = next
	if err := p.preview.move(next.PreviewPort, p.failed); err != nil && next.preview() {
		p.routes.PreviewPort = p.preview.port
		return fmt.Errorf("the preview address does not open: %w", err)
	}
	return nil
}
