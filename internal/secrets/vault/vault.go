// Package vault keeps secrets in HashiCorp Vault: KV version 2, Vault 1.13 and
// later. What a path holds already is adopted as it is.
package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Config says which Vault, and how Slipway signs in. Of Token, AppRole, JWT and
// Kubernetes one is set.
type Config struct {
	Address   string
	Namespace string // of Vault Enterprise and OpenBao; mostly empty
	Mount     string // of the KV engine; "secret" if empty
	Auth      Auth
	TLS       TLS
	Timeout   time.Duration // of one call; 10 s if zero
	Clock     slipway.Clock // time.Now if nil
}

// TLS is how the connection is secured; files are PEM.
type TLS struct {
	CACert, CAPath        string
	ClientCert, ClientKey string
	ServerName            string
	SkipVerify            bool // for a laptop, never for production
}

// Store implements slipway.SecretStore.
type Store struct {
	client    *api.Client
	namespace string
	mount     string
	clock     slipway.Clock
	auth      Auth
	of        *Store // of a person's: the one of Slipway itself
	person    string // their name
	left      atomic.Bool

	mu     sync.Mutex // of the sign-in
	lease  lease
	down   sync.Mutex // of the two below
	fault  slipway.SecretFault
	dwells time.Time // since when it has been at fault
}

var _ slipway.SecretStore = (*Store)(nil)

// New makes a store. It asks Vault nothing: that may be away when Slipway starts.
func New(c Config) (*Store, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return nil, fmt.Errorf("vault: the variables of Vault's client: %w", config.Error)
	}
	config.Address = c.Address
	config.MaxRetries = 0 // who waits for a secret asks again by itself
	config.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	err := config.ConfigureTLS(&api.TLSConfig{CACert: c.TLS.CACert, CAPath: c.TLS.CAPath, ClientCert: c.TLS.ClientCert,
		ClientKey: c.TLS.ClientKey, TLSServerName: c.TLS.ServerName, Insecure: c.TLS.SkipVerify})
	if err != nil {
		return nil, fmt.Errorf("vault: TLS: %w", err)
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	client.ClearToken() // the one of the environment is among Auth, or not wanted
	client.SetNamespace(c.Namespace)
	s := &Store{client: client, namespace: c.Namespace, mount: cmp.Or(c.Mount, "secret"), clock: c.Clock, auth: c.Auth}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s, c.Auth.check()
}

// Health implements slipway.SecretStore: Vault is unsealed, lets Slipway in, and
// its token is renewed.
func (s *Store) Health(ctx context.Context) error {
	return s.call(ctx, "", func() error {
		_, err := s.client.Auth().Token().LookupSelfWithContext(ctx)
		return err
	})
}

// call makes sure of a token, makes a call, and signs in anew if the token was
// revoked meanwhile. Its errors are ours.
func (s *Store) call(ctx context.Context, path string, do func() error) error {
	if s.of != nil {
		defer s.gone(ctx)
	}
	err := s.signedIn(ctx)
	entered := err == nil
	if entered {
		if err = do(); isStatus(err, 403) && s.lost(ctx) {
			err = s.signedIn(ctx)
			if entered = err == nil; entered {
				err = do()
			}
		}
	}
	if refused := s.refused(err, path, entered); refused != nil {
		return refused
	}
	if s.of != nil {
		return s.of.told(err) // what is wrong is so for everybody
	}
	return s.told(err)
}

// told turns an error into ours, and remembers since when there is one.
func (s *Store) told(err error) error {
	var ours *slipway.Error
	if errors.As(err, &ours) {
		return err // about a version: the store itself is well
	}
	fault := faultOf(err)
	s.down.Lock()
	defer s.down.Unlock()
	if fault == "" {
		s.fault = ""
		return nil
	}
	if s.fault != fault {
		s.fault, s.dwells = fault, s.clock()
	}
	return slipway.SecretStoreDown(fault, "Vault", s.dwells, cleaned(err))
}

// faultOf reads an error of Vault's client.
func faultOf(err error) slipway.SecretFault {
	var answer *api.ResponseError
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &answer):
		return slipway.SecretAway
	case answer.StatusCode == 503 && says(answer, "sealed"):
		return slipway.SecretSealed
	case says(answer, "Upgrading"): // for a moment, right after a mount or an unseal
		return slipway.SecretAway
	case answer.StatusCode == 404:
		return slipway.SecretUnmounted
	case answer.StatusCode == 403, answer.StatusCode == 400, answer.StatusCode == 401:
		return slipway.SecretDenied
	default:
		return slipway.SecretAway
	}
}

// cleaned leaves of an answer its status: Vault's words may quote what was sent.
func cleaned(err error) error {
	var answer *api.ResponseError
	if errors.As(err, &answer) {
		return fmt.Errorf("vault answered %s with %d", answer.HTTPMethod, answer.StatusCode)
	}
	return err
}

func isStatus(err error, status int) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == status
}
