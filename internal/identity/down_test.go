package identity_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// A provider that is down when Slipway starts is found when it is back.
func TestAProviderThatIsDown(t *testing.T) {
	t.Parallel()
	var up http.Handler
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if up == nil {
			http.Error(w, "starting", http.StatusBadGateway)
			return
		}
		up.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	now := time.Now()
	p := party(t, identity.Config{Issuer: server.URL, Now: func() time.Time { return now }})
	_, _, err := p.Begin("/")
	wantCode(t, "down", err, slipway.CodeUnavailable)
	_, _, err = p.Begin("/")
	wantCode(t, "still down", err, slipway.CodeUnavailable)
	if calls != 1 {
		t.Errorf("%d calls; one has to answer for both", calls)
	}
	if p.EndSessionURL("", "") != "" {
		t.Error("a place to sign out of a provider that is down")
	}
	up = stub(t, server.URL)
	now = now.Add(3 * time.Second)
	if _, _, err := p.Begin("/"); err != nil {
		t.Errorf("up again: %v", err)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	_, err := identity.New(t.Context(), identity.Config{Issuer: "https://id.example", RedirectURL: callback})
	wantInvalid(t, err, "clientID")
	_, err = identity.New(t.Context(), identity.Config{ClientID: "slipway", Issuer: "javascript:x"})
	wantInvalid(t, err, "issuer", "redirectURL")
}

func wantInvalid(t *testing.T, err error, fields ...string) {
	t.Helper()
	var e *slipway.Error
	if !errors.As(err, &e) || e.Code != slipway.CodeInvalid {
		t.Fatalf("error = %v", err)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Field)
	}
	slices.Sort(got)
	if !slices.Equal(got, fields) {
		t.Errorf("faults of %v, want %v", got, fields)
	}
}
