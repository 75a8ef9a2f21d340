package devissuer

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	requestLife = 15 * time.Minute
	tokenLife   = time.Hour
	most        = 5000 // requests or tokens at once
)

// store keeps what the protocol needs between two requests.
type store struct {
	config Config
	people map[string]Person
	key    signingKey

	mu       sync.Mutex
	requests map[string]authRequest
	codes    map[string]string // code → request
	tokens   map[string]accessToken
}

type accessToken struct {
	subject string
	expires time.Time
}

var (
	_ op.Storage                   = (*store)(nil)
	_ op.CanSetUserinfoFromRequest = (*store)(nil)
)

func newStore(c Config) (*store, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	people := make(map[string]Person, len(c.People))
	for _, p := range c.People {
		people[p.ID] = p
	}
	return &store{
		config: c, people: people, key: signingKey{id: rand.Text(), private: private},
		requests: map[string]authRequest{}, codes: map[string]string{}, tokens: map[string]accessToken{},
	}, nil
}

func (s *store) request(id string) (authRequest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	return r, ok && time.Since(r.began) < requestLife
}

// signIn lets a request go on as one of the people.
func (s *store) signIn(id, person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	_, known := s.people[person]
	if !ok || !known || r.Done() || time.Since(r.began) >= requestLife {
		return false
	}
	r.subject, r.sid, r.signedIn = person, rand.Text(), time.Now()
	s.requests[id] = r
	return true
}

// CreateAuthRequest takes only code with PKCE; the library would let both pass.
func (s *store) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if asked.CodeChallenge == "" || asked.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is required")
	}
	if len(asked.Prompt) == 1 && asked.Prompt[0] == oidc.PromptNone {
		return nil, oidc.ErrLoginRequired()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.requests {
		if time.Since(r.began) >= requestLife {
			delete(s.requests, id)
		}
	}
	if len(s.requests) >= most {
		return nil, oidc.ErrServerError().WithDescription("too many sign-ins at once")
	}
	r := authRequest{id: rand.Text(), hint: asked.LoginHint, began: time.Now(), asked: *asked}
	s.requests[r.id] = r
	return r, nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	if r, ok := s.request(id); ok {
		return r, nil
	}
	return nil, errors.New("this sign-in is over or never began")
}

// AuthRequestByCode uses the code up, whatever becomes of it.
func (s *store) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id, ok := s.codes[code]
	delete(s.codes, code)
	s.mu.Unlock()
	if !ok {
		return nil, errors.New("the code is unknown or used up")
	}
	return s.AuthRequestByID(ctx, id)
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, request := range s.codes {
		if _, ok := s.requests[request]; !ok || request == id {
			delete(s.codes, old) // one sign-in, one code
		}
	}
	s.codes[code] = id
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *store) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.tokens {
		if time.Now().After(t.expires) || len(s.tokens) >= most {
			delete(s.tokens, id)
		}
	}
	id, expires := rand.Text(), time.Now().Add(tokenLife)
	s.tokens[id] = accessToken{subject: r.GetSubject(), expires: expires}
	return id, expires, nil
}

func (s *store) TerminateSession(_ context.Context, subject, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.tokens {
		if t.subject == subject {
			delete(s.tokens, id)
		}
	}
	return nil
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.config.ClientID {
		return nil, oidc.ErrInvalidClient().WithDescription("there is no such client")
	}
	return client{s.config}, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.config.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.config.ClientSecret)) != 1 {
		return oidc.ErrInvalidClient().WithDescription("wrong client or secret")
	}
	return nil
}

// SetUserinfoFromRequest fills the ID token.
func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	if request, ok := r.(authRequest); ok {
		info.AppendClaims("sid", request.sid)
	}
	return s.describe(info, r.GetSubject())
}

func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, id, subject, _ string) error {
	s.mu.Lock()
	token, ok := s.tokens[id]
	s.mu.Unlock()
	if !ok || token.subject != subject || time.Now().After(token.expires) {
		return errors.New("the access token is unknown or has expired")
	}
	return s.describe(info, subject)
}

func (s *store) describe(info *oidc.UserInfo, subject string) error {
	p, ok := s.people[subject]
	if !ok {
		return errors.New("there is nobody of that name")
	}
	info.Subject, info.Name, info.PreferredUsername = p.ID, p.Name, p.ID
	info.Email, info.EmailVerified = p.Email, oidc.Bool(p.Email != "")
	info.AppendClaims("groups", append([]string{}, p.Groups...))
	return nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }
func (s *store) KeySet(context.Context) ([]op.Key, error)          { return []op.Key{publicKey{s.key}}, nil }
func (s *store) Health(context.Context) error                      { return nil }
func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) ID() string                                  { return k.id }

type publicKey struct{ signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.private.PublicKey }
