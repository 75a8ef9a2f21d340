package server

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// leavers remembers whom a secret store was told to forget.
type leavers struct {
	mu   sync.Mutex
	gone []string
}

func (l *leavers) For(slipway.SecretPerson) (slipway.SecretStore, error) { return nil, nil }

func (l *leavers) Forget(_ context.Context, person string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = append(l.gone, person)
}

func (l *leavers) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(l.gone)))
}

// Whichever way somebody is signed out, what they were given in Vault ends: at once
// where they did it, and on every other replica as soon as it hears of it.
func TestSigningOutEndsWhatOthersHaveGiven(t *testing.T) {
	t.Parallel()
	here, there := &leavers{}, &leavers{}
	r := newRig(t)
	r.app.Secret = &slipway.SecretDesk{People: here}
	second := &app.App{Store: r.store, Clock: r.now, AdminGroup: "admins", Secret: &slipway.SecretDesk{People: there}}
	cfg := r.server.cfg
	cfg.App, cfg.Metrics = second, nil
	replica, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); replica.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	eventually(t, "the other replica to listen", replica.hub.started)

	ana, ben := r.browser(), r.browser()
	ana.signIn("ana", "/")
	ben.signIn("ben", "/")
	ana.post("/auth/logout", nil)
	if want := []string{r.person("ana").ID}; !slices.Equal(here.all(), want) {
		t.Errorf("forgotten here are %v, want %v", here.all(), want)
	}
	r.signOutEverywhere("ben")
	r.browser().post("/auth/logout", nil) // nobody
	want := slices.Sorted(slices.Values([]string{r.person("ana").ID, r.person("ben").ID}))
	if !slices.Equal(here.all(), want) {
		t.Errorf("forgotten here are %v, want %v", here.all(), want)
	}
	eventually(t, "the other replica to forget both", func() bool { return slices.Equal(there.all(), want) })
}

func TestTheKeysArePublishedIfThereAreAny(t *testing.T) {
	t.Parallel()
	if response, _ := newRig(t).browser().get(keysPath); response.StatusCode != http.StatusNotFound {
		t.Errorf("without keys: %s", response.Status)
	}
	r := newRig(t, func(c *Config) { c.VouchKeys = []byte(`{"keys":[]}`) })
	response, body := r.browser().get(keysPath)
	if response.StatusCode != http.StatusOK || body != `{"keys":[]}` || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %q %s", response.Status, response.Header.Get("Content-Type"), body)
	}
}
