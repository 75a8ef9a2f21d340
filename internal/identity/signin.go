package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// signInTime is how long a sign-in may take from the first page to the last.
const signInTime = 15 * time.Minute

// Pending is a sign-in under way. It belongs into the browser's server-side
// session, is used once, and is thrown away whatever comes of it.
type Pending struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	ReturnTo string    `json:"returnTo"` // a safe local path
	Began    time.Time `json:"began"`
}

// Begin returns the provider's address to send the browser to, and what Finish
// needs when it comes back.
func (p *Provider) Begin(returnTo string) (string, Pending, error) {
	found, err := p.discover()
	if err != nil {
		return "", Pending{}, err
	}
	pending := Pending{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		ReturnTo: SafeReturn(returnTo), Began: p.config.Now(),
	}
	return found.oauth.AuthCodeURL(pending.State,
		oidc.Nonce(pending.Nonce), oauth2.S256ChallengeOption(pending.Verifier)), pending, nil
}

// Finish turns what the browser brought back into who it is. Nothing in the
// query is believed before its state is the one of this browser's sign-in.
func (p *Provider) Finish(ctx context.Context, pending Pending, query url.Values) (Claims, error) {
	switch {
	case pending.State == "" || !same(pending.State, query.Get("state")):
		return Claims{}, refused("This sign-in did not begin in this browser, or was finished already.", nil)
	case p.config.Now().Sub(pending.Began).Abs() > signInTime:
		return Claims{}, refused("The sign-in took too long.", nil)
	case query.Get("iss") != "" && query.Get("iss") != p.config.Issuer:
		return Claims{}, refused("The answer came from another sign-in provider.", nil)
	case query.Get("error") != "":
		return Claims{}, p.answered(query.Get("error"), query.Get("error_description"))
	case query.Get("code") == "":
		return Claims{}, refused("The sign-in provider sent no code.", nil)
	}
	found, err := p.discover()
	if err != nil {
		return Claims{}, err
	}
	ctx = p.context(ctx)
	token, err := found.oauth.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(pending.Verifier))
	if err != nil {
		return Claims{}, p.notExchanged(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Claims{}, refused("The sign-in provider did not say who signed in.", errors.New("no id_token in the answer"))
	}
	return p.claims(ctx, found, raw, token, pending.Nonce)
}

// claims verifies an ID token and gathers what it and userinfo say.
func (p *Provider) claims(ctx context.Context, found *endpoints, raw string, token *oauth2.Token, nonce string) (Claims, error) {
	id, err := found.verifier.Verify(ctx, raw)
	if err != nil {
		return Claims{}, p.notVerified(err)
	}
	said, err := newStatements(id.Claims)
	if err != nil {
		return Claims{}, refused(notBelieved, err)
	}
	if fault := p.judge(id, said, token, nonce); fault != nil {
		return Claims{}, refused(notBelieved, fault)
	}
	if !said.has(p.config.GroupsClaim) && found.provider.UserInfoEndpoint() != "" {
		info, err := found.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			// Going on would sign them in without the roles of their groups, and
			// nobody would see why.
			return Claims{}, p.unreachable(err)
		}
		more, err := newStatements(info.Claims)
		if err != nil || info.Subject != id.Subject {
			return Claims{}, refused(notBelieved, errors.Join(err, errors.New("userinfo is about somebody else")))
		}
		said.add(more)
	}
	claims, err := said.claims(p.config.GroupsClaim)
	if err != nil {
		return Claims{}, refused("The groups that the sign-in provider sent cannot be read.", err)
	}
	claims.Issuer, claims.Subject, claims.IDToken = id.Issuer, id.Subject, raw
	if claims.Name == "" {
		claims.Name = claims.Subject
	}
	return claims, nil
}

// judge checks what the library leaves to us.
func (p *Provider) judge(id *oidc.IDToken, said statements, token *oauth2.Token, nonce string) error {
	party := said.text("azp")
	switch {
	case nonce == "" || !same(nonce, id.Nonce):
		return errors.New("the nonce is not the one of this sign-in")
	case id.Subject == "" || len(id.Subject) > 255:
		return errors.New("the subject is empty or too long")
	case party != "" && party != p.config.ClientID, party == "" && len(id.Audience) > 1:
		return errors.New("the token was issued to another party")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return errors.New("the access token is not the one of the ID token")
	default:
		return nil
	}
}

const notBelieved = "What the sign-in provider sent could not be verified."

// answered maps the errors of the protocol. Their description is for the log:
// whoever made the link wrote it.
func (p *Provider) answered(code, description string) error {
	cause := errors.New(clean(code + ": " + description))
	switch code {
	case "access_denied":
		e := refused("The sign-in provider did not let you in, or you cancelled.", cause)
		e.Code = slipway.CodeDenied
		return e
	case "temporarily_unavailable", "server_error":
		return p.unreachable(cause)
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return refused("The sign-in provider wants you to sign in there first.", cause)
	default:
		e := refused("The sign-in provider refused the request.", cause)
		e.Do = "Ask an administrator to check how Slipway is registered there: client, secret and redirect address."
		return e
	}
}

func (p *Provider) notExchanged(err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil || answer.Response.StatusCode >= 500 {
		return p.unreachable(err)
	}
	switch answer.ErrorCode {
	case "invalid_client", "unauthorized_client":
		return p.answered(answer.ErrorCode, answer.ErrorDescription)
	default:
		return refused("The sign-in provider did not accept the code; it is used up or too old.", err)
	}
}

func (p *Provider) notVerified(err error) error {
	// The library tells a failure to fetch keys from a bad signature only in words.
	if strings.Contains(err.Error(), "fetching keys") {
		return p.unreachable(err)
	}
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return refused("What the sign-in provider sent is too old; a clock may be wrong.", err)
	}
	return refused(notBelieved, err)
}

func refused(message string, cause error) *slipway.Error {
	return &slipway.Error{
		Code: slipway.CodeUnauthenticated, Message: message,
		Affected: "You are not signed in.", Do: "Begin the sign-in again.", Err: cause,
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
