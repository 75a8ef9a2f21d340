package devissuer

import (
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is the one client there is: confidential, code flow only.
type client struct{ config Config }

var _ op.Client = client{}

func (c client) GetID() string                       { return c.config.ClientID }
func (c client) RedirectURIs() []string              { return []string{c.config.RedirectURI} }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) GrantTypes() []oidc.GrantType        { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration      { return tokenLife }
func (c client) DevMode() bool                       { return false }
func (c client) ClockSkew() time.Duration            { return 0 }
func (c client) IsScopeAllowed(scope string) bool    { return scope == "groups" }

// IDTokenUserinfoClaimsAssertion puts name, email and groups into the ID token.
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }

func (c client) PostLogoutRedirectURIs() []string {
	if c.config.PostLogoutRedirectURI == "" {
		return nil
	}
	return []string{c.config.PostLogoutRedirectURI}
}

func (c client) LoginURL(id string) string {
	return c.config.Issuer + "/login?id=" + url.QueryEscape(id)
}

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// authRequest is one sign-in under way. It is copied out of the store and never
// changed outside of it.
type authRequest struct {
	id, hint, subject, sid string
	began, signedIn        time.Time
	asked                  oidc.AuthRequest
}

var _ op.AuthRequest = authRequest{}

func (a authRequest) GetID() string                      { return a.id }
func (a authRequest) GetACR() string                     { return "" }
func (a authRequest) GetAMR() []string                   { return nil }
func (a authRequest) GetAudience() []string              { return []string{a.asked.ClientID} }
func (a authRequest) GetAuthTime() time.Time             { return a.signedIn }
func (a authRequest) GetClientID() string                { return a.asked.ClientID }
func (a authRequest) GetNonce() string                   { return a.asked.Nonce }
func (a authRequest) GetRedirectURI() string             { return a.asked.RedirectURI }
func (a authRequest) GetResponseType() oidc.ResponseType { return a.asked.ResponseType }
func (a authRequest) GetResponseMode() oidc.ResponseMode { return a.asked.ResponseMode }
func (a authRequest) GetScopes() []string                { return a.asked.Scopes }
func (a authRequest) GetState() string                   { return a.asked.State }
func (a authRequest) GetSubject() string                 { return a.subject }
func (a authRequest) Done() bool                         { return a.subject != "" }

func (a authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: a.asked.CodeChallenge, Method: a.asked.CodeChallengeMethod}
}
