package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Token is an API token, without its secret.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	OwnerKind  string     `json:"ownerKind" doc:"user or serviceaccount"`
	OwnerID    string     `json:"ownerId"`
	Scopes     []string   `json:"scopes" doc:"Permissions it is narrowed to; empty if it is not."`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  time.Time  `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	RevokedAt  *time.Time `json:"revokedAt,omitempty"`
}

// CreatedToken is a new token with its secret, which is shown this once.
type CreatedToken struct {
	Token
	Secret string `json:"secret" doc:"Send it as Authorization: Bearer. It is not kept and not shown again."`
}

// CreateToken asks for a token.
type CreateToken struct {
	Name           string   `json:"name" doc:"What it is for." maxLength:"100"`
	Scopes         []string `json:"scopes,omitempty" doc:"Permissions to narrow it to; all of the owner's if left out."`
	Days           int      `json:"days,omitempty" minimum:"1" maximum:"366" doc:"How long it lives; 90 if left out."`
	ServiceAccount string   `json:"serviceAccount,omitempty" doc:"Whose it is: yours if left out." maxLength:"63"`
}

func token(t slipway.Token) Token {
	return Token{ID: t.ID, Name: t.Name, OwnerKind: string(t.OwnerKind), OwnerID: t.OwnerID, Scopes: names(t.Scopes), CreatedAt: at(t.CreatedAt),
		ExpiresAt: at(t.ExpiresAt), LastUsedAt: utc(t.LastUsedAt), RevokedAt: utc(t.RevokedAt)}
}

type listTokensIn struct {
	All bool `query:"all" doc:"Everybody's, for those who manage access."`
}

type createTokenIn struct {
	KeyIn
	Body CreateToken
}

type tokenIn struct {
	KeyIn
	ID string `path:"id" maxLength:"32" doc:"The part between the first two underscores."`
}

func (s *Surface) registerTokens() {
	add(s, operation{id: "list-tokens", method: http.MethodGet, path: "/tokens", access: server.SignedIn(), tag: "access",
		summary: "List your API tokens"}, s.listTokens)
	add(s, operation{id: "create-token", method: http.MethodPost, path: "/tokens", access: server.Needs(slipway.TokenManage), tag: "access",
		summary: "Create an API token", status: http.StatusCreated,
		about: "The secret is in this answer and nowhere else. It cannot be given twice, so a repeated request with the same Idempotency-Key is a conflict and makes no second token; revoke the one that you do not hold. " +
			"A token for a service account needs access.manage."}, s.createToken)
	add(s, operation{id: "revoke-token", method: http.MethodDelete, path: "/tokens/{id}", access: server.Needs(slipway.TokenManage), tag: "access",
		summary: "Revoke an API token at once"}, s.revokeToken)
}

func (s *Surface) listTokens(ctx context.Context, actor slipway.Actor, in *listTokensIn) (*answer[Page[Token]], error) {
	all, err := s.App.Tokens(ctx, actor, in.All)
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", token), nil
}

func (s *Surface) createToken(ctx context.Context, actor slipway.Actor, in *createTokenIn) (*answer[CreatedToken], error) {
	plain, id, hash := identity.MintToken()
	c := app.CreateToken{Once: in.once(), ID: id, SecretHash: hash, Name: in.Body.Name, ServiceAccount: in.Body.ServiceAccount, Lifetime: time.Duration(in.Body.Days) * 24 * time.Hour}
	for _, scope := range in.Body.Scopes {
		c.Scopes = append(c.Scopes, slipway.Permission(scope))
	}
	t, err := s.App.CreateToken(ctx, actor, c)
	if err != nil {
		return nil, err
	}
	return &answer[CreatedToken]{CreatedToken{Token: token(t), Secret: plain}}, nil
}

func (s *Surface) revokeToken(ctx context.Context, actor slipway.Actor, in *tokenIn) (*empty, error) {
	return nil, s.App.RevokeToken(ctx, actor, app.RevokeToken{Once: in.once(), Token: in.ID})
}
