// Package identity finds out who somebody is: people through an OpenID
// provider, machines through API tokens. What they may do is not its business.
package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	discoveryTimeout = 10 * time.Second
	retryAfter       = 2 * time.Second // between attempts to reach a provider that is down
	maxResponse      = 1 << 20
)

// Config is what a provider has to be told of us, and we of it.
type Config struct {
	Issuer       string
	ClientID     string // also the audience that tokens have to be for
	ClientSecret string
	RedirectURL  string
	GroupsClaim  string           // default "groups"; dots lead into objects
	Scopes       []string         // default openid, profile, email, groups
	HTTPClient   *http.Client     // default: one with a time limit
	Now          func() time.Time // default time.Now
}

// Provider is one OpenID provider, as seen by a relying party. It is safe for
// concurrent use. The provider is looked up when it is first needed, and again
// until it answers: Slipway starts, and stays up, without it.
type Provider struct {
	config Config
	client *http.Client
	life   context.Context // of the process: a request that ends must not end a lookup
	seen   replays

	mu       sync.Mutex
	found    *endpoints
	failed   error
	failedAt time.Time
}

// endpoints is what discovery tells.
type endpoints struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	logout   *oidc.IDTokenVerifier
	oauth    oauth2.Config
	endURL   string
}

// New checks the configuration; it calls nobody. ctx is the life of the
// process.
func New(ctx context.Context, c Config) (*Provider, error) {
	var faults []slipway.FieldError
	missing := func(name, value string) {
		if value == "" {
			faults = append(faults, slipway.FieldError{Field: name, Message: "is missing"})
		}
	}
	missing("issuer", c.Issuer)
	missing("clientID", c.ClientID) // without it a token for anybody else would do
	missing("redirectURL", c.RedirectURL)
	for name, raw := range map[string]string{"issuer": c.Issuer, "redirectURL": c.RedirectURL} {
		if fault := slipway.CheckURL(raw); raw != "" && fault != "" {
			faults = append(faults, slipway.FieldError{Field: name, Message: fault})
		}
	}
	if err := slipway.Invalid("The OpenID configuration", faults); err != nil {
		return nil, err
	}
	if c.GroupsClaim == "" {
		c.GroupsClaim = "groups"
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{oidc.ScopeOpenID, "profile", "email", "groups"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Provider{config: c, client: bounded(c.HTTPClient), life: ctx}, nil
}

// bounded keeps a provider from holding us up, sending us elsewhere or filling
// our memory.
func bounded(given *http.Client) *http.Client {
	client := http.Client{Timeout: discoveryTimeout}
	if given != nil {
		client = *given
	}
	if client.Timeout == 0 {
		client.Timeout = discoveryTimeout
	}
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	client.Transport = capped{next}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

type capped struct{ next http.RoundTripper }

func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxResponse), response.Body}
	}
	return response, err
}

// discover returns the endpoints, looking them up if that has not succeeded
// yet. While the provider is down, one attempt answers for all callers of the
// next moments.
func (p *Provider) discover() (*endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failed != nil && p.config.Now().Sub(p.failedAt).Abs() < retryAfter {
		return nil, p.failed
	}
	found, err := p.lookUp()
	if err != nil {
		p.failed, p.failedAt = p.unreachable(err), p.config.Now()
		return nil, p.failed
	}
	p.found, p.failed = found, nil
	return found, nil
}

func (p *Provider) lookUp() (*endpoints, error) {
	ctx, cancel := context.WithTimeout(p.context(p.life), discoveryTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return nil, err
	}
	var extra struct {
		EndSession string   `json:"end_session_endpoint"`
		Keys       string   `json:"jwks_uri"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&extra); err != nil {
		return nil, err
	}
	if extra.Keys == "" || provider.Endpoint().AuthURL == "" || provider.Endpoint().TokenURL == "" {
		return nil, errors.New("the discovery document lacks an endpoint")
	}
	// Trying both ways, as the library would, uses the code up with the first.
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if len(extra.Methods) > 0 && !slices.Contains(extra.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	// Only these two: HS256 would let the client secret sign, none anybody.
	config := oidc.Config{
		ClientID: p.config.ClientID, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256}, Now: p.config.Now,
	}
	logout := config
	logout.SkipExpiryCheck = true // VerifyLogout has rules of its own
	return &endpoints{
		provider: provider,
		verifier: provider.VerifierContext(p.context(p.life), &config),
		logout:   provider.VerifierContext(p.context(p.life), &logout),
		endURL:   extra.EndSession,
		oauth: oauth2.Config{
			ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: endpoint,
			RedirectURL: p.config.RedirectURL, Scopes: p.config.Scopes,
		},
	}, nil
}

// context makes both libraries use our client.
func (p *Provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

func (p *Provider) unreachable(err error) error {
	return &slipway.Error{
		Code:     slipway.CodeUnavailable,
		Message:  fmt.Sprintf("The sign-in provider %s does not answer as it should.", p.config.Issuer),
		Affected: "Nobody can sign in now; sessions, API tokens and running deployments go on.",
		Do:       "Try again in a moment. If it stays so, ask an administrator to check the provider and SLIPWAY_OIDC_ISSUER.",
		Err:      err,
	}
}

// EndSessionURL is where a browser goes to sign out of the provider too; empty
// if the provider has no such place, or cannot be reached.
func (p *Provider) EndSessionURL(idTokenHint, postLogoutRedirect string) string {
	found, err := p.discover()
	if err != nil || found.endURL == "" {
		return ""
	}
	u, err := url.Parse(found.endURL)
	if err != nil {
		return ""
	}
	query := u.Query()
	query.Set("client_id", p.config.ClientID)
	if idTokenHint != "" {
		query.Set("id_token_hint", idTokenHint)
	}
	if postLogoutRedirect != "" {
		query.Set("post_logout_redirect_uri", postLogoutRedirect)
	}
	u.RawQuery = query.Encode()
	return u.String()
}
