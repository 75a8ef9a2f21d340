package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	proxyStart = 20 * time.Second
	proxyStop  = 10 * time.Second
	proxyPoll  = 5 * time.Millisecond
)

// wantedPorts are the ports that the configs ask for; 0: none. For the preview
// the track that answers there has the first word.
func wantedPorts(specs []trackSpec) (port, preview int) {
	for _, s := range specs {
		port = cmp.Or(port, s.Config.Port)
		if s.Preview && s.Config.PreviewPort != 0 {
			preview = s.Config.PreviewPort
		}
		preview = cmp.Or(preview, s.Config.PreviewPort)
	}
	return port, preview
}

// wantedPorts moves to other ports only together with the track that asks for
// them. Locked.
func (t *target) wantedPorts() (port, preview int) {
	specs := t.state.InEffect
	if len(specs) == 0 {
		specs = t.state.Desired
	}
	port, preview = wantedPorts(specs)
	return cmp.Or(port, t.state.Port), cmp.Or(preview, t.state.PreviewPort)
}

// route tells the proxy who may receive requests; when it returns nil, it does.
func (t *target) route(ctx context.Context) error {
	if err := t.ensureProxy(ctx); err != nil {
		return err
	}
	if err := t.ensurePreview(); err != nil {
		return err
	}
	t.mu.Lock()
	next := t.wantedRoutes()
	same := t.routes != nil && reflect.DeepEqual(*t.routes, next)
	t.mu.Unlock()
	if t.proxy != nil && !same {
		if err := (proxyClient{t.dir}).setRoutes(ctx, next); err != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.routes = nil // a part of them may be in force
			return err
		}
		if err := t.rememberPorts(next.Port, next.PreviewPort); err != nil {
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
		Reason: fmt.Sprintf("nothing is deployed to %s", t.name),
		Tracks: []routeTrack{},
	}
	r.Port, r.PreviewPort = t.wantedPorts()
	for _, spec := range t.state.InEffect {
		r.Reason = fmt.Sprintf("no replica of %s is ready", t.name)
		track := routeTrack{ID: spec.ID, Weight: spec.Weight, Match: spec.Match, Preview: spec.Preview, Replicas: []routeReplica{}}
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
	if err := t.endOldProxy(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	running := t.proxy != nil
	idle := len(t.state.Desired)+len(t.state.InEffect) == 0
	port, _ := t.wantedPorts()
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
	if err := t.rememberPorts(port, 0); err != nil {
		return err
	}
	return t.startProxy(ctx, port)
}

// endOldProxy makes room for a proxy that understands what is wanted, if the one
// that runs was started by an older Slipway. It costs the requests of a moment,
// so an old one stays for as long as it will do.
func (t *target) endOldProxy(ctx context.Context) error {
	t.mu.Lock()
	needs := t.wantedRoutes().needs()
	t.mu.Unlock()
	if t.proxy == nil || t.speaks >= needs {
		return nil
	}
	t.d.log.Warn("a proxy of an older Slipway is replaced", "target", t.name.String())
	if err := t.stop(ctx, t.proxy, proxyStop); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proxy, t.routes = nil, nil
	return nil
}

// ensurePreview chooses the port for previews once the first one is in effect.
func (t *target) ensurePreview() error {
	t.mu.Lock()
	_, port := t.wantedPorts()
	asked := slices.ContainsFunc(t.state.InEffect, func(s trackSpec) bool { return s.Preview })
	t.mu.Unlock()
	if !asked || port != 0 {
		return nil
	}
	chosen, err := t.d.ports.choose()
	if err != nil {
		return err
	}
	return t.rememberPorts(0, chosen)
}

// errEarly keeps everything as it is until the back-off of the proxy is over.
var errEarly = errors.New("the proxy is not started yet")

// rememberPorts writes the ports down; 0 leaves one as it is.
func (t *target) rememberPorts(port, preview int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := t.state
	next.Port, next.PreviewPort = cmp.Or(port, next.Port), cmp.Or(preview, next.PreviewPort)
	if next.Port == t.state.Port && next.PreviewPort == t.state.PreviewPort {
		return nil
	}
	if err := writeJSON(t.path(stateName), next); err != nil {
		return err
	}
	t.d.ports.keep(next.Port, next.PreviewPort)
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
			t.proxy, t.routes, t.speaks = proxy, nil, status.Speaks
			t.mu.Unlock()
			t.d.log.Info("proxy started", "target", t.name.String(), "pid", proxy.rec.PID, "port", port)
			return nil
		}
		select {
		case <-ticker.C:
		case <-proxy.gone:
			_ = os.Remove(proxy.file)
			return fmt.Errorf("the proxy cannot start: %s", cmp.Or(lastLineOf(errFile, deployers.Hider{}), proxy.exit))
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
