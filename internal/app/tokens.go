package app

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// CreateToken makes an API token for the actor, or for a service account that
// the actor manages. The surface mints the secret; only its hash comes here.
type CreateToken struct {
	Once
	ID             string
	SecretHash     string
	Name           string
	Scopes         []slipway.Permission
	Lifetime       time.Duration // 0: 90 days
	ServiceAccount string        // empty: the actor's own
}

// Lifetimes of tokens.
const (
	DefaultTokenLifetime = 90 * 24 * time.Hour
	maxTokenLifetime     = 366 * 24 * time.Hour
)

// CreateToken saves the token. A token never makes one that may more than
// itself. A secret cannot be shown again, so a key that was used is a conflict:
// each attempt brings a secret of its own and is another request.
func (a *App) CreateToken(ctx context.Context, actor slipway.Actor, c CreateToken) (slipway.Token, error) {
	var t slipway.Token
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.authorizeToken(ctx, tx, actor, c); err != nil {
			return err
		}
		_, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) {
			if err := checkToken(actor, c); err != nil {
				return "", err
			}
			return c.ID, a.addToken(ctx, tx, actor, c)
		})
		if err != nil {
			return err
		}
		t, err = tx.Tokens().Get(ctx, c.ID)
		return err
	})
	return t, err
}

func (a *App) addToken(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c CreateToken) error {
	now := a.now()
	if err := outlives(ctx, tx, actor, &c, now); err != nil {
		return err
	}
	t := slipway.Token{ID: c.ID, Name: strings.TrimSpace(c.Name), OwnerKind: actor.Kind, OwnerID: actor.ID, SecretHash: c.SecretHash,
		Scopes: c.Scopes, CreatedAt: now, ExpiresAt: now.Add(c.Lifetime)}
	if c.ServiceAccount != "" {
		t.OwnerKind, t.OwnerID = slipway.ActorServiceAccount, c.ServiceAccount
		if _, err := tx.People().User(ctx, c.ServiceAccount); err == nil { // keys and locks go by the ID alone
			return slipway.Invalid("The token", []slipway.FieldError{{Field: "serviceAccount", Message: "is the ID of a person"}})
		} else if !slipway.IsNotFound(err) {
			return err
		}
		account := slipway.ServiceAccount{ID: c.ServiceAccount, CreatedAt: now}
		if err := tx.People().PutServiceAccount(ctx, account); err != nil {
			return err
		}
	}
	if err := tx.Tokens().Add(ctx, t); err != nil {
		return err
	}
	return a.record(ctx, tx, actor, change{action: "token.created", subject: "token " + t.ID,
		summary: fmt.Sprintf("created token %q of %s, until %s", t.Name, ownerName(ctx, tx, t), t.ExpiresAt.Format(time.DateOnly)),
		detail:  map[string]any{"scopes": t.Scopes, "owner": t.OwnerID}})
}

// outlives fills in the lifetime, and keeps a token from making one that lives
// on after it: who finds a token that ends tonight must not have it for a year.
func outlives(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c *CreateToken, now time.Time) error {
	asked := c.Lifetime
	if asked == 0 {
		c.Lifetime = DefaultTokenLifetime
	}
	if actor.TokenID == "" {
		return nil
	}
	parent, err := tx.Tokens().Get(ctx, actor.TokenID)
	if err != nil {
		return err
	}
	left := parent.ExpiresAt.Sub(now)
	if c.Lifetime > left && asked != 0 {
		return slipway.Invalid("The token", []slipway.FieldError{{Field: "expires", Message: "is not after the token that asks for it, " + parent.ExpiresAt.Format(time.RFC3339)}})
	}
	c.Lifetime = min(c.Lifetime, left)
	return nil
}

// ownerName is whose a token is, in words for people.
func ownerName(ctx context.Context, tx slipway.Tx, t slipway.Token) string {
	if u, err := tx.People().User(ctx, t.OwnerID); err == nil && t.OwnerKind == slipway.ActorUser {
		return u.Name
	}
	return t.OwnerID
}

// authorizeToken asks for token.manage for one's own token. One for a service
// account needs a hand on access for the whole organisation: a machine's
// bindings may reach anywhere.
func (a *App) authorizeToken(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c CreateToken) error {
	if c.ServiceAccount != "" {
		return a.authorize(ctx, tx, actor, slipway.AccessManage, slipway.Resource{})
	}
	may, err := a.visible(ctx, tx, actor, slipway.TokenManage)
	if err != nil || !may.Nothing() {
		return err
	}
	return a.authorize(ctx, tx, actor, slipway.TokenManage, slipway.Resource{})
}

func checkToken(actor slipway.Actor, c CreateToken) error {
	var faults []slipway.FieldError
	add := func(field, message string) {
		faults = append(faults, slipway.FieldError{Field: field, Message: message})
	}
	if name := strings.TrimSpace(c.Name); name == "" || len(name) > 100 {
		add("name", "is needed, and at most 100 characters long, so that you know later what it was for")
	}
	if c.Lifetime < 0 || c.Lifetime > maxTokenLifetime {
		add("expires", "is at most 366 days from now")
	}
	if c.ServiceAccount != "" && slipway.CheckName(c.ServiceAccount) != "" {
		add("serviceAccount", slipway.CheckName(c.ServiceAccount))
	}
	for _, s := range c.Scopes {
		if !slices.Contains(slipway.Permissions(), s) {
			add("scopes", fmt.Sprintf("%q is no permission", s))
		}
		if actor.TokenID != "" && len(actor.Scopes) > 0 && !slices.Contains(actor.Scopes, s) {
			add("scopes", fmt.Sprintf("%q is more than the token may that asks for it", s))
		}
	}
	if actor.TokenID != "" && len(actor.Scopes) > 0 && len(c.Scopes) == 0 {
		add("scopes", "are needed: a narrowed token cannot make one that is not")
	}
	return slipway.Invalid("The token", faults)
}

// RevokeToken ends a token.
type RevokeToken struct {
	Once
	Token string
}

// RevokeToken ends a token at once: one's own, or anybody's for those who
// manage access.
func (a *App) RevokeToken(ctx context.Context, actor slipway.Actor, c RevokeToken) error {
	return a.writeOnce(ctx, actor, c.Once, c, func(tx slipway.Tx) error {
		t, err := tx.Tokens().Get(ctx, c.Token)
		if err != nil {
			return err
		}
		if t.OwnerID != actor.ID || t.OwnerKind != actor.Kind {
			err := a.authorize(ctx, tx, actor, slipway.AccessManage, slipway.Resource{})
			if slipway.CodeOf(err) == slipway.CodeDenied {
				return slipway.NotFound("token", c.Token)
			}
			if err != nil {
				return err
			}
		} else if err := a.authorizeToken(ctx, tx, actor, CreateToken{}); err != nil {
			return err
		}
		if t.RevokedAt != nil {
			return nil
		}
		if err := tx.Tokens().Revoke(ctx, c.Token, a.now()); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "token.revoked", subject: "token " + c.Token, summary: fmt.Sprintf("revoked token %q of %s", t.Name, ownerName(ctx, tx, t))})
	})
}

// Tokens lists the actor's own tokens, or everybody's for those who manage
// access and ask for all.
func (a *App) Tokens(ctx context.Context, actor slipway.Actor, all bool) (out []slipway.Token, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if err := a.outright(ctx, tx, actor, slipway.TokenManage, slipway.Resource{}); err != nil {
			return err
		}
		owner := actor.ID
		if all {
			if err := a.authorize(ctx, tx, actor, slipway.AccessManage, slipway.Resource{}); err != nil {
				return err
			}
			owner = ""
		}
		out, err = tx.Tokens().List(ctx, owner)
		return err
	})
	return out, err
}

// touchEvery is how exact "last used" is; writing it at each request would
// make every read a write.
const touchEvery = time.Minute

// Authenticate turns a token's ID and the hash of its secret into the actor it
// stands for. Whatever is wrong, the answer is the same.
func (a *App) Authenticate(ctx context.Context, id, secretHash string) (slipway.Actor, error) {
	refused := &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "The token is not valid.", Do: "It may be mistyped, expired or revoked. Create a new one under Settings, Tokens."}
	var actor slipway.Actor
	stale := false
	err := a.Store.Read(ctx, func(tx slipway.Tx) error {
		t, err := tx.Tokens().Get(ctx, id)
		if slipway.IsNotFound(err) {
			return refused
		}
		if err != nil {
			return err
		}
		if secretHash == "" || subtle.ConstantTimeCompare([]byte(t.SecretHash), []byte(secretHash)) != 1 || !t.Usable(a.now()) {
			return refused
		}
		stale = t.LastUsedAt == nil || a.now().Sub(*t.LastUsedAt) > touchEvery
		actor = slipway.Actor{Kind: t.OwnerKind, ID: t.OwnerID, Name: t.OwnerID, TokenID: t.ID, Scopes: t.Scopes}
		if t.OwnerKind != slipway.ActorUser {
			if _, ok := slipway.TrustOf(t.OwnerID); ok {
				actor.Name = t.Name // which job of which repository it is
			}
			return nil
		}
		u, err := tx.People().User(ctx, t.OwnerID)
		if slipway.IsNotFound(err) || (err == nil && u.Disabled) {
			return refused
		}
		if err != nil {
			return err
		}
		actor.Name, actor.Groups = u.Name, u.Groups
		return nil
	})
	if err != nil {
		return slipway.Actor{}, err
	}
	if stale {
		// A help for people, and no reason to turn a reader away: the disk may be
		// full, or another writer at work.
		_ = a.Store.Write(ctx, func(tx slipway.Tx) error { return tx.Tokens().Touch(ctx, id, a.now()) })
	}
	return actor, nil
}
