package identity

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	keysFor      = time.Hour        // before they are asked for again
	keysNotAgain = 10 * time.Second // between two questions, whoever sends tokens signed by unknown keys
	maxKeys      = 100
)

// issuer is one CI system and the keys that it signs with.
type issuer struct {
	address string
	client  *http.Client
	now     func() time.Time
	used    time.Time // guarded by the lock of Workloads

	mu     sync.Mutex
	keys   []crypto.PublicKey
	asked  time.Time
	failed error
}

var _ oidc.KeySet = (*issuer)(nil)

// keysFor makes sure that there are keys to verify with.
func (i *issuer) keysFor(ctx context.Context) (oidc.KeySet, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if age := i.now().Sub(i.asked); len(i.keys) == 0 || age > keysFor || age < 0 {
		if err := i.ask(ctx); err != nil && len(i.keys) == 0 {
			return nil, err // old keys are better than none: a CI system that is down signs nothing new
		}
	}
	return i, nil
}

// VerifySignature tries the keys, and then those that the issuer has by now:
// issuers change theirs. It asks anew only now and then.
func (i *issuer) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	i.mu.Lock()
	known := oidc.StaticKeySet{PublicKeys: i.keys}
	i.mu.Unlock()
	payload, err := known.VerifySignature(ctx, token)
	if err == nil {
		return payload, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if asking := i.ask(ctx); asking != nil {
		return nil, err
	}
	return (&oidc.StaticKeySet{PublicKeys: i.keys}).VerifySignature(ctx, token)
}

// ask fetches the keys; the caller holds the lock. Within moments it answers as
// it did last.
func (i *issuer) ask(ctx context.Context) error {
	if !i.asked.IsZero() && i.now().Sub(i.asked).Abs() < keysNotAgain {
		return i.failed
	}
	// Whoever waits for these keys must not lose them to somebody who went away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discoveryTimeout)
	defer cancel()
	keys, err := i.fetch(ctx)
	i.asked, i.failed = i.now(), nil
	if err != nil {
		i.failed = &slipway.Error{Code: slipway.CodeUnavailable, Message: fmt.Sprintf("The issuer %s does not answer as it should, so its token cannot be verified.", i.address),
			Affected: "Nobody was let in; nothing is said against the token.", Do: "Try again in a moment. If it stays so, see whether Slipway may reach the issuer: SLIPWAY_OUTBOUND_ALLOW.", Err: err}
		return i.failed
	}
	i.keys = keys
	return nil
}

func (i *issuer) fetch(ctx context.Context) ([]crypto.PublicKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.address)
	if err != nil {
		return nil, err
	}
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, found.Keys, nil)
	if err != nil {
		return nil, err
	}
	response, err := i.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the keys: %s", response.Status)
	}
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(response.Body, maxResponse)).Decode(&set); err != nil {
		return nil, fmt.Errorf("the keys: %w", err)
	}
	var keys []crypto.PublicKey
	for _, k := range set.Keys {
		if k.IsPublic() && k.Valid() && (k.Use == "" || k.Use == "sig") && len(keys) < maxKeys {
			keys = append(keys, k.Key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there are no keys")
	}
	return keys, nil
}
