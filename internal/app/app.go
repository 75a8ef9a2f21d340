// Package app holds the use cases: the one door through which browser, REST,
// chat and CLI come. Each authorizes, decides and changes state in one
// transaction, together with its audit entry and its event.
package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// App holds what every use case needs. Its methods are safe for concurrent use.
type App struct {
	Store     slipway.Store
	Deployers slipway.Deployers
	Calendars slipway.Calendars
	// Prober is asked by dry runs; nil: gates that ask outside stay unasked.
	Prober slipway.Prober
	// Expressions judges the conditions in pipelines; nil: they are taken as
	// they are.
	Expressions slipway.Expressions
	// Secret asks the secret store; nil: there is none.
	Secret *slipway.SecretDesk
	// Sealer keeps what webhooks are signed with; nil: there are none.
	Sealer slipway.Sealer
	// Tells are the channels that are connected, besides webhooks.
	Tells []slipway.DeliveryChannel
	Clock slipway.Clock
	// AdminGroup is the OIDC group whose members are admins by configuration,
	// so that a fresh installation has somebody who may give out roles.
	AdminGroup string
}

// now is the time of a change, cut to what both databases keep.
func (a *App) now() time.Time { return a.Clock().UTC().Truncate(time.Microsecond) }

// Once makes a command safe to send twice: the second time, with the same key
// and content, does nothing and gives the first answer.
type Once struct {
	Key string `json:"-"`
}

// bindings loads what the actor's permissions come from.
func (a *App) bindings(ctx context.Context, tx slipway.Tx, actor slipway.Actor) ([]slipway.Binding, error) {
	if id, ok := slipway.TrustOf(actor.ID); ok && actor.Kind == slipway.ActorServiceAccount {
		return a.trusted(ctx, tx, id)
	}
	bindings, err := tx.Bindings().For(ctx, actor)
	if err != nil {
		return nil, err
	}
	return append(bindings, a.configured(actor)...), nil
}

// trusted is what the account of a trust rule may: what the rule says, for as
// long as there is the rule, and nothing that anybody binds to the account.
func (a *App) trusted(ctx context.Context, tx slipway.Tx, id int64) ([]slipway.Binding, error) {
	r, err := tx.Trust().Get(ctx, id)
	if slipway.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []slipway.Binding{r.Binding()}, nil
}

// configured are the bindings that configuration gives and nobody can remove.
func (a *App) configured(actor slipway.Actor) []slipway.Binding {
	if a.AdminGroup == "" || actor.Kind != slipway.ActorUser || !slices.Contains(actor.Groups, a.AdminGroup) {
		return nil
	}
	return []slipway.Binding{a.adminBinding()}
}

func (a *App) adminBinding() slipway.Binding {
	return slipway.Binding{
		Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: a.AdminGroup},
		Role:    slipway.RoleAdmin, Scope: slipway.Scope{Kind: slipway.ScopeOrganisation}, Source: "configuration",
	}
}

// authorize is the only question of permission there is. It answers with nil
// or with who could.
func (a *App) authorize(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p slipway.Permission, on slipway.Resource) error {
	bindings, err := a.bindings(ctx, tx, actor)
	if err != nil {
		return err
	}
	decision := policy.Decide(policy.Input{Actor: actor, Bindings: bindings, Permission: p, Resource: on})
	if decision.Allowed {
		return nil
	}
	refusal := decision.Err()
	if narrowed(actor, p) {
		return refusal // it names the scope; people who may would be no help
	}
	var e *slipway.Error
	if !errors.As(refusal, &e) || e.Code != slipway.CodeDenied || len(e.BlockedBy) == 0 {
		return refusal
	}
	who, err := a.whoCan(ctx, tx, p, on)
	if err != nil {
		return err
	}
	if e.BlockedBy[0].Who = who; who != "" {
		e.Do = "Who can: " + who + "."
	}
	return e
}

// narrowed reports whether the token in use was made without the permission.
// That is so whatever is asked for, and hides and tells nothing.
func narrowed(actor slipway.Actor, p slipway.Permission) bool {
	return len(actor.Scopes) > 0 && !slices.Contains(actor.Scopes, p)
}

// whoCan names who holds a permission, for those who do not.
func (a *App) whoCan(ctx context.Context, tx slipway.Tx, p slipway.Permission, on slipway.Resource) (string, error) {
	all, err := a.allBindings(ctx, tx)
	if err != nil {
		return "", err
	}
	var names []string
	for _, subject := range policy.WhoCan(all, p, on) {
		name := subject.Name
		if subject.Kind == slipway.SubjectUser {
			if u, err := tx.People().User(ctx, subject.Name); err == nil {
				name = u.Name
			}
		}
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 5 {
		names = append(names[:5], fmt.Sprintf("%d more", len(names)-5))
	}
	return strings.Join(names, ", "), nil
}

func (a *App) allBindings(ctx context.Context, tx slipway.Tx) ([]slipway.Binding, error) {
	all, err := tx.Bindings().List(ctx)
	if err == nil && a.AdminGroup != "" {
		all = append(all, a.adminBinding())
	}
	return all, err
}

// may is authorize for a page that shows or hides a button: the reason why
// not, empty if allowed.
func (a *App) may(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p slipway.Permission, on slipway.Resource) (string, error) {
	err := a.authorize(ctx, tx, actor, p, on)
	if code := slipway.CodeOf(err); code == slipway.CodeDenied || code == slipway.CodeUnauthenticated {
		return err.Error(), nil
	}
	return "", err
}

// once runs do unless the actor's key was used before, and returns what do
// called its outcome: an ID or a name by which the caller loads the answer.
func (a *App) once(ctx context.Context, tx slipway.Tx, actor slipway.Actor, once Once, command any, do func() (string, error)) (string, error) {
	outcome, answered, err := a.answered(ctx, tx, actor, once, command)
	if err != nil || answered {
		return outcome, err
	}
	fingerprint, err := fingerprint(command) // of what was sent: do may fill in defaults
	if err != nil {
		return "", err
	}
	if outcome, err = do(); err != nil || once.Key == "" {
		return outcome, err
	}
	return outcome, tx.Keys().Put(ctx, actor.ID, once.Key, slipway.KeptAnswer{Fingerprint: fingerprint, Answer: []byte(outcome), At: a.now()})
}

// writeOnce has a signed-in actor's command done in one transaction, unless it
// was done before under the same key. Then it is answered as it was: what it
// removed is not looked for again.
func (a *App) writeOnce(ctx context.Context, actor slipway.Actor, once Once, command any, do func(slipway.Tx) error) error {
	return a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.signedIn(actor); err != nil {
			return err
		}
		_, err := a.once(ctx, tx, actor, once, command, func() (string, error) { return "", do(tx) })
		return err
	})
}

// answered returns the outcome that is kept under the actor's key, if the same
// command was sent with it before.
func (a *App) answered(ctx context.Context, tx slipway.Tx, actor slipway.Actor, once Once, command any) (string, bool, error) {
	if once.Key == "" {
		return "", false, nil
	}
	if len(once.Key) > 128 {
		return "", false, slipway.Invalid("The idempotency key", []slipway.FieldError{{Field: "Idempotency-Key", Message: "is at most 128 characters long"}})
	}
	fingerprint, err := fingerprint(command)
	if err != nil {
		return "", false, err
	}
	kept, err := tx.Keys().Get(ctx, actor.ID, once.Key)
	switch {
	case slipway.IsNotFound(err):
		return "", false, nil
	case err != nil:
		return "", false, err
	case kept.Fingerprint != fingerprint:
		return "", false, slipway.Conflict("This idempotency key was used for another request.", "Use a new key for a new request.")
	}
	return string(kept.Answer), true, nil
}

func fingerprint(command any) (string, error) {
	encoded, err := json.Marshal(command)
	if err != nil {
		return "", fmt.Errorf("fingerprint of %T: %w", command, err)
	}
	sum := sha256.Sum256(append([]byte(fmt.Sprintf("%T ", command)), encoded...))
	return hex.EncodeToString(sum[:]), nil
}

// change is what an audit entry and an event are made of.
type change struct {
	action     string // also the event's kind
	on         slipway.Resource
	subject    string
	summary    string
	detail     any
	news       any // of the event, for those who are told of it
	deployment int64
}

// record writes the audit entry and the event of a change.
func (a *App) record(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c change) error {
	entry := actor.Entry(c.action, c.on, c.subject, c.summary, a.now())
	if c.detail != nil {
		encoded, err := json.Marshal(c.detail)
		if err != nil {
			return fmt.Errorf("audit detail of %s: %w", c.action, err)
		}
		entry.Detail = encoded
	}
	if err := tx.Audit().Append(ctx, entry); err != nil {
		return err
	}
	event := slipway.DomainEvent{At: entry.At, Kind: c.action, Team: c.on.Team, Service: c.on.Service,
		Environment: c.on.Environment, Deployment: c.deployment, Actor: actor.Name, Message: c.summary}
	if c.news != nil {
		encoded, err := json.Marshal(c.news)
		if err != nil {
			return fmt.Errorf("news of %s: %w", c.action, err)
		}
		event.Detail = encoded
	}
	return tx.Events().Add(ctx, event)
}
