package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/alexedwards/scs/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Config is everything the server is made of.
type Config struct {
	Log       *slog.Logger
	PublicURL string // as browsers see it: scheme and host, no path
	Version   string
	App       *app.App
	Feed      slipway.Feed // may be nil: then the events table is polled alone
	// Sessions keeps browser sessions. One that also has DeleteExpired(ctx) is
	// cleaned up by Run.
	Sessions scs.Store
	Identity Identity // may be nil: then nobody can sign in
	// Workloads may be nil: then no CI job comes in by itself.
	Workloads Workloads
	// Surfaces share one list of routes. The first is for people: it shows the
	// errors of the server's own routes and of paths that belong to nobody, and
	// who is not signed in there is sent to /sign-in.
	Surfaces  []Surface
	Assets    http.Handler // /static/
	DevIssuer http.Handler // /dev/issuer/, nil in production
	// VouchKeys are the public keys, as a JSON Web Key Set, of what Slipway says of
	// people to other systems; nil: it says nothing.
	VouchKeys []byte
	Ready     []Check
	Metrics   *prometheus.Registry // nil: one of its own
	Gauges    []Gauge
	// TrustedProxies may say in X-Forwarded-For for whom they ask. Empty: the
	// address is the one that connects, and the header is ignored.
	TrustedProxies []netip.Prefix
	Limit          RateLimit
}

// RateLimit bounds requests of those who are not signed in, per address. Zero
// fields take the defaults.
type RateLimit struct {
	PerSecond float64 // 20
	Burst     int     // 100
	Addresses int     // 10,000 are remembered
}

// Gauge is a number that somebody else knows, such as the depth of a queue.
type Gauge struct {
	Name  string // "slipway_queue_jobs"
	Help  string
	Value func() float64
}

// Check is one thing that has to work. Run answers within the deadline of ctx.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
	// Optional says that Slipway still serves without it, degraded.
	Optional bool
}

// validated returns the config with its defaults, and its origin.
func (c Config) validated() (Config, *url.URL, error) {
	if c.Log == nil || c.App == nil || c.Sessions == nil {
		return c, nil, errors.New("server: Log, App and Sessions are needed")
	}
	origin, err := url.Parse(c.PublicURL)
	if err != nil || origin.Host == "" || (origin.Scheme != "http" && origin.Scheme != "https") {
		return c, nil, fmt.Errorf("server: the public URL %q is not of the form https://host", c.PublicURL)
	}
	if strings.Trim(origin.Path, "/") != "" || origin.RawQuery != "" || origin.User != nil {
		return c, nil, fmt.Errorf("server: the public URL %q has more than scheme and host", c.PublicURL)
	}
	origin.Path = ""
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Limit.PerSecond <= 0 {
		c.Limit.PerSecond = 20
	}
	if c.Limit.Burst <= 0 {
		c.Limit.Burst = 100
	}
	if c.Limit.Addresses <= 0 {
		c.Limit.Addresses = 10_000
	}
	return c, origin, nil
}
