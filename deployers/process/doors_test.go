package process

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// with changes the config of a track, which makes it another one.
func with(t *testing.T, track deployers.Track, key string, value any) deployers.Track {
	t.Helper()
	var config map[string]any
	if err := json.Unmarshal(track.Config, &config); err != nil {
		t.Fatal(err)
	}
	config[key] = value
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	track.Config = raw
	track.ID += fmt.Sprint(key, value)
	return track
}

// TestThePreviewAddress: it serves the one track that asked for it, says so in
// plain words when there is none, and stays where it is.
func TestThePreviewAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	old, next := release(t, f.dir, "1.0.0", ""), release(t, f.dir, "1.1.0", "")
	f.apply(t, 1, old)
	if o := f.converged(t, 1); o.Preview != "" {
		t.Errorf("nobody asked for a preview, it is at %s", o.Preview)
	}
	next.Weight, next.Preview = 0, true
	f.apply(t, 2, old, next)
	o := f.converged(t, 2)
	preview := o.Preview
	for address, want := range map[string]string{o.Address: "1.0.0", preview: "1.1.0"} {
		for range 20 {
			if a, err := ask(t.Context(), address); err != nil || a.Version != want {
				t.Fatalf("%s: %+v, %v, want %s", address, a, err, want)
			}
		}
	}
	f.restart(t)
	if o = f.converged(t, 2); o.Preview != preview {
		t.Errorf("after a restart the preview is at %q, not at %q", o.Preview, preview)
	}
	old.Weight, next.Weight, next.Preview = 0, 100, false
	f.apply(t, 3, old, next)
	if o = f.converged(t, 3); o.Preview != "" {
		t.Errorf("nothing is shown, at %s", o.Preview)
	}
	if _, err := ask(t.Context(), preview); err == nil || err.Error() != "status 503: 503: no release is shown at the preview address now" {
		t.Errorf("the preview address says %v", err)
	}
	listener := f.takeFromDeadProxy(t, strings.TrimPrefix(preview, "http://"))
	f.apply(t, 4, next) // which needs no preview, so that a lost port is no harm
	f.converged(t, 4)
	_ = listener.Close()
	third := release(t, f.dir, "1.2.0", "")
	third.Weight, third.Preview = 0, true
	f.apply(t, 5, next, third)
	if o = f.converged(t, 5); o.Preview != preview {
		t.Errorf("the next preview is at %q, not at %q", o.Preview, preview)
	}
}

// takeFromDeadProxy ends the proxy while nobody looks after it, and listens
// where it did.
func (f *fixture) takeFromDeadProxy(t *testing.T, address string) net.Listener {
	t.Helper()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var proxy record
	if err := readJSON(filepath.Join(targetDir(f.dir, f.target), proxyName), &proxy); err != nil {
		t.Fatal(err)
	}
	proxy.signalGroup(syscall.SIGKILL)
	var listener net.Listener
	deployertest.Eventually(t, 10*time.Second, "its port is free", func() (bool, string) {
		var err error
		listener, err = net.Listen("tcp", address)
		return err == nil, fmt.Sprint(err)
	})
	f.open(t)
	return listener
}

// TestATakenPreviewPortStopsNobodyElse: the preview fails with a reason, the
// service goes on, and the way back converges.
func TestATakenPreviewPortStopsNobodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	old := release(t, f.dir, "1.0.0", "")
	next := with(t, release(t, f.dir, "1.1.0", ""), "previewPort", port)
	next.Weight, next.Preview = 0, true
	f.apply(t, 1, old)
	f.converged(t, 1)
	f.apply(t, 2, old, next)
	o := f.until(t, "the port is taken", func(o deployers.Observed) bool { return o.Failure != nil })
	want := fmt.Sprintf("the proxy of web/production: the preview address does not open: port %d of 127.0.0.1 is taken by another program", port)
	if o.Failure.Reason != want || o.Failure.Terminal || o.Converged || o.Preview != "" {
		t.Errorf("%+v, failure %+v, want %s", o, o.Failure, want)
	}
	if a, err := ask(t.Context(), o.Address); err != nil || a.Version != "1.0.0" {
		t.Errorf("meanwhile %+v, %v", a, err)
	}
	f.apply(t, 3, old)
	f.converged(t, 3)
	f.apply(t, 4, old, next)
	_ = listener.Close()
	if o = f.converged(t, 4); !strings.HasSuffix(o.Preview, fmt.Sprintf(":%d", port)) {
		t.Errorf("the port is free, the preview is at %q", o.Preview)
	}
}

// TestAnOldProxyIsReplacedWhenItMustBe: not before it is asked for what it does
// not understand.
func TestAnOldProxyIsReplacedWhenItMustBe(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	proxies := func() string {
		for _, p := range f.processes() {
			if strings.Contains(p, ProxyCommand) {
				return p
			}
		}
		return ""
	}
	old, next := release(t, f.dir, "1.0.0", ""), release(t, f.dir, "1.1.0", "")
	f.apply(t, 1, old)
	address := f.converged(t, 1).Address
	before := proxies()
	tg, err := f.Deployer.open(f.target, false)
	if err != nil {
		t.Fatal(err)
	}
	tg.mu.Lock()
	tg.speaks = 0
	tg.mu.Unlock()
	old.Weight, next.Weight = 75, 25
	f.apply(t, 2, old, next)
	f.converged(t, 2)
	if now := proxies(); now != before {
		t.Errorf("for weights alone %s became %s", before, now)
	}
	next.Match = []deployers.Match{{Header: "X-Region", Value: "eu"}}
	f.apply(t, 3, old, next)
	if o := f.converged(t, 3); proxies() == before || o.Address != address {
		t.Errorf("the proxy is still %s, at %s", before, o.Address)
	}
}

// TestOddWishesAreRefused names what makes no sense, before anything starts.
func TestOddWishesAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	for want, change := range map[string]func(a, b *deployers.Track){
		"either a header or a cookie": func(a, _ *deployers.Track) {
			a.Match = []deployers.Match{{Header: "X", Cookie: "x", Value: "1"}}
		},
		"a match needs a value":            func(a, _ *deployers.Track) { a.Match = []deployers.Match{{Header: "X"}} },
		"2 tracks ask for the one preview": func(a, b *deployers.Track) { a.Preview, b.Preview = true, true },
	} {
		a, b := release(t, f.dir, "1.0.0", ""), release(t, f.dir, "1.1.0", "")
		a.Weight, b.Weight = 50, 50
		change(&a, &b)
		err := f.Apply(t.Context(), f.target, deployers.Desired{Generation: 1, Tracks: []deployers.Track{a, b}})
		if !deployers.IsTerminal(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
