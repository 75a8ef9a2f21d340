package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	maxWorkloadToken = 16 << 10
	maxWorkloadAge   = 24 * time.Hour // of a token, from its making to its end
	maxIssuers       = 64             // whose keys are remembered
	maxClaimText     = 1024
)

// Workloads verifies the tokens that CI systems give to their jobs. It asks an
// issuer only after the caller has said which audiences are its own there, and
// remembers the keys of a bounded number of them. It is safe for concurrent use.
type Workloads struct {
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex
	issuers map[string]*issuer
}

// NewWorkloads makes a verifier that reaches issuers through a client: one that
// goes to no address that people's input must not lead to.
func NewWorkloads(client *http.Client, now func() time.Time) *Workloads {
	return &Workloads{client: bounded(client), now: now, issuers: map[string]*issuer{}}
}

// Workload is what a verified token says.
type Workload struct {
	Issuer    string
	Audiences []string
	Claims    map[string]string // texts, numbers and truth values; no lists, no objects
	Use       slipway.TrustUse
}

// IssuerOf reads whom a token names as its issuer. Nothing of it is believed:
// it says whom to ask.
func IssuerOf(token string) (string, error) {
	parts := strings.Split(token, ".")
	var claims struct {
		Issuer string `json:"iss"`
	}
	if len(token) > maxWorkloadToken || len(parts) != 3 {
		return "", workloadRefused("That is no token of a CI system.", errors.New("it is no JWT, or too long"))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.Issuer == "" {
		return "", workloadRefused("That is no token of a CI system.", errors.Join(err, errors.New("it names no issuer")))
	}
	return claims.Issuer, nil
}

func workloadRefused(message string, cause error) error {
	return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: message, Affected: "Nobody was let in.",
		Do: "Let the job ask its CI system for a new token, with the audience that the trust rule names.", Err: cause}
}

// Verify says what a token says, if it is the issuer's, in time and for one of
// the audiences.
func (w *Workloads) Verify(ctx context.Context, issuer, token string, audiences []string) (Workload, error) {
	keys, err := w.of(issuer).keysFor(ctx)
	if err != nil {
		return Workload{}, err
	}
	// The audience is looked at below: there are several that are ours.
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256}, Now: w.now})
	id, err := verifier.Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return Workload{}, workloadRefused("The token has expired.", err)
	case slipway.CodeOf(err) == slipway.CodeUnavailable:
		return Workload{}, err
	case err != nil:
		return Workload{}, workloadRefused("The token was not signed by its issuer, or is not valid now.", err)
	}
	said, err := newStatements(id.Claims)
	if err != nil {
		return Workload{}, workloadRefused("The token cannot be read.", err)
	}
	now := w.now()
	switch {
	case !slices.ContainsFunc(id.Audience, func(a string) bool { return a != "" && slices.Contains(audiences, a) }):
		return Workload{}, workloadRefused(fmt.Sprintf("The token is not for this Slipway: its audience is %q.", strings.Join(id.Audience, " ")), nil)
	case id.Expiry.Sub(now) > maxWorkloadAge:
		return Workload{}, workloadRefused("The token is good for too long: a day is the most.", nil)
	case id.IssuedAt.After(now.Add(clockSkew)):
		return Workload{}, workloadRefused("The token was made in the future.", nil)
	}
	return Workload{Issuer: issuer, Audiences: id.Audience, Claims: flat(said), Use: slipway.TrustUse{Key: useOf(issuer, token, said.text("jti")), Until: id.Expiry.Add(clockSkew)}}, nil
}

// useOf names a token for ever, in few letters. One that has no ID of its own
// goes by what is signed of it: signatures can be rewritten, that cannot.
func useOf(issuer, token, jti string) string {
	if jti == "" {
		jti = token[:strings.LastIndexByte(token, '.')]
	}
	sum := sha256.Sum256([]byte(issuer + "\x00" + jti))
	return hex.EncodeToString(sum[:])
}

// flat are the claims that can be compared to a text: numbers and truth values
// as JSON writes them.
func flat(said statements) map[string]string {
	out := map[string]string{}
	for name, raw := range said {
		var text string
		switch {
		case len(raw) == 0 || len(raw) > maxClaimText || raw[0] == '[' || raw[0] == '{' || string(raw) == "null":
			continue
		case raw[0] != '"':
			text = string(raw)
		case json.Unmarshal(raw, &text) != nil:
			continue
		}
		if clean(text) == text { // what had to be cleaned could become something else
			out[name] = text
		}
	}
	return out
}

// of finds what is known of an issuer. When there are too many, the one that
// was asked for longest ago goes.
func (w *Workloads) of(address string) *issuer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, ok := w.issuers[address]; ok {
		known.used = w.now()
		return known
	}
	if len(w.issuers) >= maxIssuers {
		oldest := ""
		for name, i := range w.issuers {
			if oldest == "" || i.used.Before(w.issuers[oldest].used) {
				oldest = name
			}
		}
		delete(w.issuers, oldest)
	}
	fresh := &issuer{address: address, client: w.client, now: w.now, used: w.now()}
	w.issuers[address] = fresh
	return fresh
}
