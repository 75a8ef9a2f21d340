// Package devissuer is a small OpenID provider for `slipway dev` and for tests.
// Whoever reaches it may be anybody it knows: it asks for no password, and must
// never be mounted where strangers come.
package devissuer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Person is somebody to sign in as.
type Person struct {
	ID     string // the subject
	Name   string
	Email  string
	Groups []string
	Note   string // a sentence on what they can do
}

// Config says where the issuer is and whom it serves.
type Config struct {
	Issuer                string // its address, such as http://localhost:8080/dev/issuer
	ClientID              string
	ClientSecret          string
	RedirectURI           string // exactly this one
	PostLogoutRedirectURI string // exactly this one; optional
	People                []Person
	Logger                *slog.Logger // default: none
}

// Issuer is the provider. Mount it at the path of its address, without
// stripping that path. Keys and sessions live in memory and end with it.
type Issuer struct {
	config  Config
	store   *store
	handler http.Handler
}

// New makes an issuer with a key of its own.
func New(c Config) (*Issuer, error) {
	c.Issuer = strings.TrimSuffix(c.Issuer, "/")
	address, err := url.Parse(c.Issuer)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("the issuer's address %q is no absolute URL", c.Issuer)
	}
	if c.ClientID == "" || c.ClientSecret == "" || c.RedirectURI == "" || len(c.People) == 0 {
		return nil, errors.New("the development issuer needs a client with a secret and a redirect address, and people")
	}
	for _, p := range c.People {
		if p.ID == "" || strings.Contains(p.ID, ":") { // the library's access tokens are "id:subject"
			return nil, fmt.Errorf("%q cannot be the ID of a person", p.ID)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	store, err := newStore(c)
	if err != nil {
		return nil, err
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: it stops the program instead
	provider, err := op.NewProvider(&op.Config{
		CryptoKey: key, CodeMethodS256: true, AuthMethodPost: true,
		DefaultLogoutRedirectURI: c.Issuer + "/signed-out",
		SupportedScopes:          []string{"openid", "profile", "email", "groups"},
		SupportedClaims:          []string{"sub", "iss", "aud", "exp", "iat", "nonce", "sid", "name", "email", "groups"},
	}, store, op.StaticIssuer(c.Issuer), op.WithAllowInsecure(), op.WithLogger(c.Logger), op.WithCORSOptions(nil))
	if err != nil {
		return nil, err
	}
	i := &Issuer{config: c, store: store}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", i.login)
	mux.HandleFunc("POST /login", i.signIn)
	mux.HandleFunc("GET /login.css", i.style)
	mux.HandleFunc("GET /signed-out", i.signedOut)
	mux.Handle("/", provider)
	i.handler = http.StripPrefix(strings.TrimSuffix(address.Path, "/"), mux)
	return i, nil
}

// ServeHTTP serves the protocol and the pages.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	i.handler.ServeHTTP(w, r)
}

// LogoutToken makes what a provider posts to a back-channel logout address when
// somebody signs out elsewhere. Empty parts are left out.
func (i *Issuer) LogoutToken(subject, sid string) (string, error) {
	now := time.Now()
	claims := map[string]any{
		"iss": i.config.Issuer, "aud": i.config.ClientID, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if subject != "" {
		claims["sub"] = subject
	}
	if sid != "" {
		claims["sid"] = sid
	}
	return i.sign("logout+jwt", claims)
}

// WorkloadToken makes what a CI system gives to a job: what it says is up to the
// caller, and the rest is as usual unless the caller says otherwise. A claim
// that is nil is left out.
func (i *Issuer) WorkloadToken(said map[string]any) (string, error) {
	now := time.Now()
	claims := map[string]any{"iss": i.config.Issuer, "jti": rand.Text(), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	for name, value := range said {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return i.sign("JWT", claims)
}

func (i *Issuer) sign(kind jose.ContentType, claims map[string]any) (string, error) {
	options := (&jose.SignerOptions{}).WithType(kind)
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.store.key.private, KeyID: i.store.key.id},
	}, options)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}
