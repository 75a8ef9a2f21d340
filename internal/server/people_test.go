package server

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"

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

// Whichever way somebody is signed out, what they were given in Vault ends.
func TestSigningOutEndsWhatOthersHaveGiven(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	told := &leavers{}
	r.app.Secret = &slipway.SecretDesk{People: told}
	ana, ben := r.browser(), r.browser()
	ana.signIn("ana", "/")
	ben.signIn("ben", "/")
	ana.post("/auth/logout", nil)
	r.signOutEverywhere("ben")
	r.browser().post("/auth/logout", nil) // nobody
	if want := []string{r.person("ana").ID, r.person("ben").ID}; !slices.Equal(told.gone, want) {
		t.Errorf("forgotten are %v, want %v", told.gone, want)
	}
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
