package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// SignIn is what an OpenID provider has proven of a person.
type SignIn struct {
	Issuer  string
	Subject string
	Name    string
	Email   string
	Groups  []string
}

// UserID names a person for ever by issuer and subject; name and e-mail may
// change hands, these do not.
func UserID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return "u-" + hex.EncodeToString(sum[:8])
}

// SignIn makes the person known, or brings what is known of them up to date.
func (a *App) SignIn(ctx context.Context, c SignIn, requestID, address string) (slipway.User, error) {
	if c.Issuer == "" || c.Subject == "" {
		return slipway.User{}, &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "The provider did not say who signed in."}
	}
	var u slipway.User
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		old, err := tx.People().UserBySubject(ctx, c.Issuer, c.Subject)
		if err != nil && !slipway.IsNotFound(err) {
			return err
		}
		if old.Disabled {
			return &slipway.Error{Code: slipway.CodeDenied, Message: "This account is disabled.", Do: "Ask an administrator."}
		}
		u = old
		u.ID, u.Issuer, u.Subject = UserID(c.Issuer, c.Subject), c.Issuer, c.Subject
		u.Name, u.Email, u.LastSeen = c.Name, c.Email, a.now()
		u.Groups = slices.Sorted(slices.Values(c.Groups))
		if err := tx.People().PutUser(ctx, u); err != nil {
			return err
		}
		actor := UserActor(u)
		actor.Via, actor.RequestID, actor.Address = slipway.ViaBrowser, requestID, address
		var detail any
		if !slices.Equal(old.Groups, u.Groups) {
			detail = map[string]any{"groupsBefore": old.Groups, "groups": u.Groups}
		}
		return a.record(ctx, tx, actor, change{action: "person.signed-in", subject: "person " + u.Name, summary: u.Name + " signed in", detail: detail})
	})
	return u, err
}

// UserActor is the actor that a signed-in person is.
func UserActor(u slipway.User) slipway.Actor {
	return slipway.Actor{Kind: slipway.ActorUser, ID: u.ID, Name: u.Name, Groups: u.Groups}
}

// SessionUser returns the person of a session that began at a time; a disabled
// person and one who has signed out everywhere since are not signed in.
func (a *App) SessionUser(ctx context.Context, id string, began time.Time) (u slipway.User, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		u, err = tx.People().User(ctx, id)
		if slipway.IsNotFound(err) || (err == nil && (u.Disabled || (u.SignedOutAt != nil && !began.After(*u.SignedOutAt)))) {
			return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "You are signed out.", Do: "Sign in again."}
		}
		return err
	})
	return u, err
}

// signedOut is the kind of the event by which every replica learns that somebody
// has signed out.
const signedOut = "person.signed-out"

// whoLeft is the detail of that event.
type whoLeft struct {
	Person string `json:"person"`
}

// SignedOut ends what others have given a person for as long as they are signed in:
// at once on this replica, and on the others when they hear of it.
func (a *App) SignedOut(ctx context.Context, actor slipway.Actor) error {
	if actor.ID == "" {
		return nil
	}
	a.letGo(ctx, actor.ID)
	return a.Store.Write(ctx, func(tx slipway.Tx) error {
		return a.record(ctx, tx, actor, change{action: signedOut, subject: "person " + actor.Name, summary: actor.Name + " signed out", news: whoLeft{actor.ID}})
	})
}

func (a *App) letGo(ctx context.Context, person string) {
	if a.Secret != nil && a.Secret.People != nil && person != "" {
		a.Secret.People.Forget(ctx, person)
	}
}

// Heard takes in what any replica has done, this one included, of which this one
// keeps something in memory. It waits for nobody.
func (a *App) Heard(ctx context.Context, events []slipway.DomainEvent) {
	for _, e := range events {
		var who whoLeft
		if e.Kind == signedOut && json.Unmarshal(e.Detail, &who) == nil && who.Person != "" {
			go a.letGo(context.WithoutCancel(ctx), who.Person)
		}
	}
}

// SignOutEverywhere ends all sessions of a person: the provider said so.
func (a *App) SignOutEverywhere(ctx context.Context, issuer, subject string) error {
	var u slipway.User
	err := a.Store.Write(ctx, func(tx slipway.Tx) (err error) {
		u, err = tx.People().UserBySubject(ctx, issuer, subject)
		if slipway.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		now := a.now()
		u.SignedOutAt = &now
		if err := tx.People().PutUser(ctx, u); err != nil {
			return err
		}
		actor := UserActor(u)
		actor.Via = slipway.ViaBrowser
		return a.record(ctx, tx, actor, change{action: signedOut, subject: "person " + u.Name, summary: u.Name + " was signed out by the provider", news: whoLeft{u.ID}})
	})
	a.letGo(ctx, u.ID)
	return err
}

// SetTheme keeps a person's choice of theme: "light", "dark" or "" for the
// system's. It is no change worth an audit entry.
func (a *App) SetTheme(ctx context.Context, actor slipway.Actor, theme string) error {
	if err := a.signedIn(actor); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "light", "dark"}, theme) {
		return slipway.Invalid("The theme", []slipway.FieldError{{Field: "theme", Message: "is light, dark or empty"}})
	}
	return a.ownLook(ctx, actor, func(u *slipway.User) { u.Theme = theme })
}

// SetZone keeps the time zone that a person reads times in; empty: UTC.
func (a *App) SetZone(ctx context.Context, actor slipway.Actor, zone string) error {
	if err := a.signedIn(actor); err != nil {
		return err
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" || len(zone) > maxZone {
		return slipway.Invalid("The time zone", []slipway.FieldError{{Field: "zone", Message: "is a name such as Europe/Stockholm"}})
	}
	if zone == "UTC" {
		zone = ""
	}
	return a.ownLook(ctx, actor, func(u *slipway.User) { u.Zone = zone })
}

// maxZone is longer than any name of a zone.
const maxZone = 64

// ownLook changes how pages look to a person.
func (a *App) ownLook(ctx context.Context, actor slipway.Actor, change func(*slipway.User)) error {
	return a.Store.Write(ctx, func(tx slipway.Tx) error {
		u, err := tx.People().User(ctx, actor.ID)
		if err != nil {
			return err
		}
		change(&u)
		return tx.People().PutUser(ctx, u)
	})
}
