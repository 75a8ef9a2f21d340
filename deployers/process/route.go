package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"syscall"
	"time"
)

const (
	proxyStart = 20 * time.Second
	proxyPoll  = 5 * time.Millisecond
)

// wantedPort is the port that the config asks for; 0: none.
func wantedPort(specs []trackSpec) int {
	for _, s := range specs {
		if s.Config.Port != 0 {
			return s.Config.Port
		}
	}
	return 0
}

// wantedPort moves to another port only together with the track that asks for
// it. Locked.
func (t *target) wantedPort() int {
	if len(t.state.InEffect) > 0 {
		return cmp.Or(wantedPort(t.state.InEffect), t.state.Port)
	}
	return cmp.Or(wantedPort(t.state.Desired), t.state.Port)
}

// route tells the proxy who may receive requests; when it returns nil, it does.
func (t *target) route(ctx context.Context) error {
	if err := t.ensureProxy(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	next := t.wantedRoutes()
	same := t.routes != nil && reflect.DeepEqual(*t.routes, next)
	t.mu.Unlock()
	if t.proxy != nil && !same {
		if err := (proxyClient{t.dir}).setRoutes(ctx, next); err != nil {
			return err
		}
		if err := t.rememberPort(next.Port); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proxy != nil {
		t.routes = &next
		delete(t.attempts, proxyAttempt)
	}
	t.d.ports.giveBack(t.unrouted...)
	t.unrouted = nil
	return nil
}

// wantedRoutes are the ready replicas of what is in effect. Locked.
func (t *target) wantedRoutes() routes {
	r := routes{
		Port:   t.wantedPort(),
		Reason: fmt.Sprintf("nothing is deployed to %s", t.name),
		Tracks: []routeTrack{},
	}
	for _, spec := range t.state.InEffect {
		r.Reason = fmt.Sprintf("no replica of %s is ready", t.name)
		track := routeTrack{ID: spec.ID, Weight: spec.Weight, Replicas: []routeReplica{}}
		for _, c := range t.of(spec.ID) {
			if c.ready {
				track.Replicas = append(track.Replicas, routeReplica{ID: c.rec.Token, Port: c.rec.Port})
			}
		}
		r.Tracks = append(r.Tracks, track)
	}
	return r
}

// ensureProxy starts the proxy if there is something to serve and none runs. It
// keeps its port for ever: the one of the config, or one that is chosen once.
func (t *target) ensureProxy(ctx context.Context) error {
	t.mu.Lock()
	running := t.proxy != nil
	idle := len(t.state.Desired)+len(t.state.InEffect) == 0
	port := t.wantedRoutes().Port
	a := t.attempts[proxyAttempt]
	early := a != nil && time.Now().Before(a.next)
	t.mu.Unlock()
	if running || idle {
		return nil
	}
	if early {
		return errEarly
	}
	if port == 0 {
		chosen, err := t.d.ports.choose()
		if err != nil {
			return err
		}
		port = chosen
	}
	if err := t.rememberPort(port); err != nil {
		return err
	}
	return t.startProxy(ctx, port)
}

// errEarly keeps everything as it is until the back-off of the proxy is over.
var errEarly = errors.New("the proxy is not started yet")

func (t *target) rememberPort(port int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state.Port == port || port == 0 {
		return nil
	}
	next := t.state
	next.Port = port
	if err := writeJSON(t.path(stateName), next); err != nil {
		return err
	}
	t.d.ports.keep(port)
	t.state = next
	return nil
}

func (t *target) startProxy(ctx context.Context, port int) error {
	token := newToken()
	rec := record{Token: token, Boot: bootID(), Port: port, Created: time.Now()}
	environment := baseEnvironment()
	environment[tokenVariable] = token
	errFile := t.path("proxy.err")
	// Of the proxy's own words only those since its last start are of use.
	if err := os.Remove(errFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	proxy, err := t.launch(t.path(proxyName), rec, command{
		argv: []string{t.d.self, ProxyCommand, "--dir", t.dir, "--port", strconv.Itoa(port)},
		env:  pairs(environment), dir: "/", out: t.path("proxy.out"), err: errFile,
	})
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	limit, cancel := context.WithTimeout(ctx, proxyStart)
	defer cancel()
	ticker := time.NewTicker(proxyPoll)
	defer ticker.Stop()
	for {
		status, err := proxyClient{t.dir}.status(limit)
		if err == nil && status.Token == token {
			t.mu.Lock()
			t.proxy, t.routes = proxy, nil
			t.mu.Unlock()
			t.d.log.Info("proxy started", "target", t.name.String(), "pid", proxy.rec.PID, "port", port)
			return nil
		}
		select {
		case <-ticker.C:
		case <-proxy.gone:
			_ = os.Remove(proxy.file)
			return fmt.Errorf("the proxy cannot start: %s", cmp.Or(lastLineOf(errFile), proxy.exit))
		case <-limit.Done():
			if ctx.Err() != nil {
				return ctx.Err() // the next Deployer finds the record
			}
			proxy.rec.signalGroup(syscall.SIGKILL)
			<-proxy.gone
			_ = os.Remove(proxy.file)
			return fmt.Errorf("the proxy did not answer within %v", proxyStart)
		}
	}
}
