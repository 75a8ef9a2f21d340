package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
)

// Auth is how Slipway signs in to Vault. Files are read anew at each sign-in, so
// what replaces them is taken up.
type Auth struct {
	Token     string // used as it is, and renewed
	TokenFile string // the same from a file, that of a Vault agent for instance

	RoleID, SecretID string // AppRole
	AppRoleMount     string // "approle" if empty

	JWTRole, JWTFile string
	JWTMount         string // "jwt" if empty

	vouch func() (string, error) // Slipway speaks for a person: see People

	KubernetesRole  string
	KubernetesFile  string // the service account's token; where Kubernetes puts it if empty
	KubernetesMount string // "kubernetes" if empty
}

func (a Auth) check() error {
	ways := 0
	for _, set := range []bool{a.Token != "" || a.TokenFile != "", a.RoleID != "", a.JWTRole != "", a.KubernetesRole != ""} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return fmt.Errorf("vault: one way to sign in is needed (token, AppRole, JWT or Kubernetes), and %d are set", ways)
	}
	return nil
}

// lease is the token in use.
type lease struct {
	held      bool
	renewable bool
	fixed     bool // it came from the configuration and cannot be fetched anew
	renewAt   time.Time
	until     time.Time // zero: for ever
}

// signedIn makes sure that the client has a token that still lives, and renews it
// once half of its life is over.
func (s *Store) signedIn(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	switch l := s.lease; {
	case !l.held:
		return s.login(ctx)
	case l.until.IsZero() || now.Before(l.renewAt):
		return nil
	case l.renewable && s.renew(ctx) == nil:
		return nil
	case now.Before(l.until) && l.fixed:
		return nil // it is what there is
	}
	s.lease.held = false
	return s.login(ctx)
}

func (s *Store) renew(ctx context.Context) error {
	answer, err := s.client.Auth().Token().RenewSelfWithContext(ctx, 0)
	if err != nil {
		return err
	}
	if answer == nil || answer.Auth == nil {
		return errors.New("vault renewed nothing")
	}
	s.take(answer.Auth.LeaseDuration, answer.Auth.Renewable, s.lease.fixed)
	return nil
}

// take remembers how long the token lives. What Vault will not make live longer
// than seconds is fetched anew rather than renewed again and again.
func (s *Store) take(seconds int, renewable, fixed bool) {
	life := time.Duration(seconds) * time.Second
	now := s.clock()
	s.lease = lease{held: true, renewable: renewable && life > 3*time.Second, fixed: fixed, renewAt: now.Add(life / 2)}
	if seconds > 0 {
		s.lease.until = now.Add(life)
	}
}

// lost reports whether the token in use is no longer one, and forgets it then. A
// token that lives and is denied something is another matter.
func (s *Store) lost(ctx context.Context) bool {
	_, err := s.client.Auth().Token().LookupSelfWithContext(ctx)
	if !isStatus(err, 403) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease.held = false
	return true
}

// login fetches a token by the way that is configured.
func (s *Store) login(ctx context.Context) error {
	had := s.client.Token()
	s.client.ClearToken()
	a := s.auth
	switch {
	case a.vouch != nil:
		return s.loginAsPerson(ctx, had)
	case a.Token != "" || a.TokenFile != "":
		return s.loginByToken(ctx)
	case a.RoleID != "":
		return s.loginAt(ctx, cmp.Or(a.AppRoleMount, "approle"), map[string]any{"role_id": a.RoleID, "secret_id": a.SecretID})
	case a.JWTRole != "":
		return s.loginByJWT(ctx, cmp.Or(a.JWTMount, "jwt"), a.JWTRole, a.JWTFile)
	default:
		return s.loginByJWT(ctx, cmp.Or(a.KubernetesMount, "kubernetes"), a.KubernetesRole,
			cmp.Or(a.KubernetesFile, "/var/run/secrets/kubernetes.io/serviceaccount/token"))
	}
}

func (s *Store) loginByToken(ctx context.Context) error {
	token := s.auth.Token
	if s.auth.TokenFile != "" {
		var err error
		if token, err = fromFile(s.auth.TokenFile); err != nil {
			return err
		}
	}
	s.client.SetToken(token)
	self, err := s.client.Auth().Token().LookupSelfWithContext(ctx)
	if err != nil {
		return err
	}
	life, err := self.TokenTTL()
	if err != nil {
		return err
	}
	renewable, err := self.TokenIsRenewable()
	if err != nil {
		return err
	}
	s.take(int(life/time.Second), renewable, true)
	return nil
}

func (s *Store) loginByJWT(ctx context.Context, mount, role, file string) error {
	jwt, err := fromFile(file)
	if err != nil {
		return err
	}
	return s.loginAt(ctx, mount, map[string]any{"role": role, "jwt": jwt})
}

func (s *Store) loginAt(ctx context.Context, mount string, with map[string]any) error {
	answer, err := s.client.Logical().WriteWithContext(ctx, "auth/"+mount+"/login", with)
	if err != nil {
		return err
	}
	if answer == nil || answer.Auth == nil {
		return errors.New("vault signed nobody in")
	}
	s.client.SetToken(answer.Auth.ClientToken)
	s.take(answer.Auth.LeaseDuration, answer.Auth.Renewable, false)
	return nil
}

func fromFile(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err // names the file
	}
	return strings.TrimSpace(string(data)), nil
}

func says(e *api.ResponseError, phrase string) bool {
	for _, text := range e.Errors {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}
