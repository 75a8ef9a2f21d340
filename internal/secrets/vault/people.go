package vault

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// PeopleConfig says how people are known to Vault.
type PeopleConfig struct {
	Mount string // of the JWT method that trusts Slipway; "slipway" if empty
	Role  string // "slipway-people" if empty
	// Vouch makes what Slipway says of a person: a JWT for Vault, good for a minute.
	Vouch func(slipway.SecretPerson) (string, error)
	Most  int           // people who have a token at a time; 500 if zero
	Idle  time.Duration // after which a token is revoked; 5 minutes if zero
}

// People gives each person a token of their own, so that Vault's policies are for
// them and its audit log has their names. Tokens are in memory only, and are
// revoked when their person signs out, is idle, or many others came since.
type People struct {
	config PeopleConfig
	of     *Store

	mu    sync.Mutex
	known map[string]*guest
}

// guest is one person with a token, or about to get one.
type guest struct {
	*Store
	groups []string
	seen   time.Time
}

var _ slipway.PersonalSecrets = (*People)(nil)

// NewPeople lets people use the Vault of a store in their own names.
func NewPeople(of *Store, c PeopleConfig) (*People, error) {
	if c.Vouch == nil {
		return nil, errors.New("vault: nobody vouches for people")
	}
	c.Mount, c.Role = cmp.Or(c.Mount, "slipway"), cmp.Or(c.Role, "slipway-people")
	c.Most, c.Idle = cmp.Or(c.Most, 500), cmp.Or(c.Idle, 5*time.Minute)
	return &People{config: c, of: of, known: map[string]*guest{}}, nil
}

// For implements slipway.PersonalSecrets. Other groups than before are another
// token: Vault learns of them when it gives one.
func (p *People) For(who slipway.SecretPerson) (slipway.SecretStore, error) {
	now := p.of.clock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.known[who.ID]; g != nil && slices.Equal(g.groups, who.Groups) {
		g.seen = now
		return g.Store, nil
	}
	own, err := p.of.personal(who, p.config)
	if err != nil {
		return nil, err
	}
	p.drop(who.ID)
	for len(p.known) >= p.config.Most {
		p.drop(p.longestIdle())
	}
	p.known[who.ID] = &guest{Store: own, groups: slices.Clone(who.Groups), seen: now}
	return own, nil
}

func (p *People) longestIdle() (id string) {
	for other, g := range p.known {
		if id == "" || g.seen.Before(p.known[id].seen) {
			id = other
		}
	}
	return id
}

// drop forgets a person at once and has their token revoked, without waiting for
// that. The lock is held.
func (p *People) drop(id string) {
	if g := p.known[id]; g != nil {
		delete(p.known, id)
		go g.leave(context.Background())
	}
}

// Forget implements slipway.PersonalSecrets.
func (p *People) Forget(ctx context.Context, id string) {
	p.mu.Lock()
	g := p.known[id]
	delete(p.known, id)
	p.mu.Unlock()
	if g != nil {
		g.leave(context.WithoutCancel(ctx))
	}
}

// Sweep revokes the tokens of who has been idle.
func (p *People) Sweep(ctx context.Context) {
	p.forget(ctx, func(g *guest) bool { return p.of.clock().Sub(g.seen) >= p.config.Idle })
}

// Close revokes every token. Who asks afterwards gets another one.
func (p *People) Close(ctx context.Context) { p.forget(ctx, func(*guest) bool { return true }) }

func (p *People) forget(ctx context.Context, which func(*guest) bool) {
	var gone []*guest
	p.mu.Lock()
	for id, g := range p.known {
		if which(g) {
			delete(p.known, id)
			gone = append(gone, g)
		}
	}
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, g := range gone {
		wg.Go(func() { g.leave(ctx) })
	}
	wg.Wait()
}

// personal is a store like this one that signs in as a person.
func (s *Store) personal(who slipway.SecretPerson, c PeopleConfig) (*Store, error) {
	client, err := s.client.Clone()
	if err != nil {
		return nil, errors.New("vault: another client cannot be made")
	}
	client.ClearToken() // a new client takes up that of the environment
	client.SetNamespace(s.namespace)
	vouch := func() (string, error) { return c.Vouch(who) }
	return &Store{client: client, namespace: s.namespace, mount: s.mount, clock: s.clock, of: s, person: cmp.Or(who.Name, who.ID),
		auth: Auth{vouch: vouch, JWTMount: c.Mount, JWTRole: c.Role}}, nil
}

// loginAsPerson has Slipway vouch for the person. The token that they had, half of
// whose life is over, is not left lying about.
func (s *Store) loginAsPerson(ctx context.Context, had string) error {
	jwt, err := s.auth.vouch()
	if err != nil {
		return err
	}
	if err := s.loginAt(ctx, s.auth.JWTMount, map[string]any{"role": s.auth.JWTRole, "jwt": jwt}); err != nil {
		return err
	}
	s.lease.renewable = false // another one is asked for: what is said of people changes
	if had != "" {
		s.revoke(ctx, had)
	}
	return nil
}

// revokeWithin bounds the wait for Vault when a token is not needed any more; its
// life is short in any case.
const revokeWithin = 5 * time.Second

// gone revokes the token of a call that went on when its person had left.
func (s *Store) gone(ctx context.Context) {
	if s.left.Load() {
		s.leave(context.WithoutCancel(ctx))
	}
}

// leave revokes the token in use, and leaves none behind.
func (s *Store) leave(ctx context.Context) {
	s.left.Store(true)
	s.mu.Lock()
	token := s.client.Token()
	s.client.ClearToken()
	s.lease.held = false
	s.mu.Unlock()
	if token != "" {
		s.revoke(ctx, token)
	}
}

func (s *Store) revoke(ctx context.Context, token string) {
	ctx, cancel := context.WithTimeout(ctx, revokeWithin)
	defer cancel()
	client, err := s.client.Clone()
	if err != nil {
		return
	}
	client.SetNamespace(s.namespace)
	client.SetToken(token)
	_ = client.Auth().Token().RevokeSelfWithContext(ctx, "") // it runs out by itself, soon
}

// refused is what a person is told whom Vault says no to; else nil.
func (s *Store) refused(err error, path string, entered bool) error {
	var answer *api.ResponseError
	if s.of == nil || !errors.As(err, &answer) || faultOf(err) != slipway.SecretDenied {
		return nil
	}
	return slipway.SecretPersonRefused("Vault", s.person, s.mount+"/"+path, entered, cleaned(err))
}
