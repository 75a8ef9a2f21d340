package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// BeginDevice is a command line that asks to be signed in. ID is the hash of
// the secret that it comes back with.
type BeginDevice struct {
	ID       string
	UserCode string
	Name     string
	Scopes   []slipway.Permission
	Lifetime time.Duration // 0: 30 days
	Address  string
}

// How long a sign-in of a command line may take, how often it may ask, and what
// comes of it.
const (
	DeviceTime            = 10 * time.Minute
	DeviceInterval        = 5 * time.Second
	defaultDeviceLifetime = 30 * 24 * time.Hour
	maxDeviceLifetime     = 90 * 24 * time.Hour
	maxDevices            = 1000 // at once; anybody may begin one
	maxDevicesOf          = 20   // of one address
)

// BeginDevice remembers that somebody asks. Nobody is signed in by that.
func (a *App) BeginDevice(ctx context.Context, c BeginDevice) (slipway.DeviceLogin, error) {
	var d slipway.DeviceLogin
	if c.Lifetime == 0 {
		c.Lifetime = defaultDeviceLifetime
	}
	var faults []slipway.FieldError
	if c.Lifetime < time.Hour || c.Lifetime > maxDeviceLifetime {
		faults = append(faults, slipway.FieldError{Field: "days", Message: "is between 1 and 90"})
	}
	for _, p := range c.Scopes {
		if !slices.Contains(slipway.Permissions(), p) {
			faults = append(faults, slipway.FieldError{Field: "scope", Message: fmt.Sprintf("%q is no permission", p)})
		}
	}
	if len(c.Name) > 100 || len(c.Scopes) > len(slipway.Permissions()) {
		faults = append(faults, slipway.FieldError{Field: "client_name", Message: "is at most 100 characters long"})
	}
	if err := slipway.Invalid("The sign-in", faults); err != nil {
		return d, err
	}
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		now := a.now()
		all, here, err := tx.Devices().Waiting(ctx, c.Address, now)
		if err != nil {
			return err
		}
		if all >= maxDevices || here >= maxDevicesOf {
			return &slipway.Error{Code: slipway.CodeUnavailable, Message: "Too many command lines wait for somebody to sign them in.", Affected: "Nobody was signed in.",
				Do: fmt.Sprintf("Finish those that wait, or try again in %s.", slipway.Duration(DeviceTime))}
		}
		d = slipway.DeviceLogin{ID: c.ID, UserCode: c.UserCode, Name: strings.TrimSpace(c.Name), Address: c.Address, Scopes: c.Scopes, Lifetime: slipway.Duration(c.Lifetime),
			CreatedAt: now, ExpiresAt: now.Add(DeviceTime), State: slipway.DeviceWaiting}
		return tx.Devices().Add(ctx, d)
	})
	return d, err
}

// Device returns what asks by a code, for a person to look at.
func (a *App) Device(ctx context.Context, actor slipway.Actor, typed string) (d slipway.DeviceLogin, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		d, err = a.device(ctx, tx, actor, typed)
		return err
	})
	return d, err
}

func (a *App) device(ctx context.Context, tx slipway.Tx, actor slipway.Actor, typed string) (slipway.DeviceLogin, error) {
	none := &slipway.Error{Code: slipway.CodeNotFound, Message: "No command line waits with this code.", Affected: "Nothing was signed in.",
		Do: fmt.Sprintf("Compare it with the one that the command line shows. It is good for %s and for one sign-in; slipway login shows another.", slipway.Duration(DeviceTime))}
	if err := a.authorizeToken(ctx, tx, actor, CreateToken{}); err != nil {
		return slipway.DeviceLogin{}, err
	}
	if actor.Kind != slipway.ActorUser || actor.TokenID != "" {
		return slipway.DeviceLogin{}, &slipway.Error{Code: slipway.CodeDenied, Message: "Only a person at a browser signs a command line in.", Affected: "Nothing was signed in.", Do: "Create a token instead.",
			BlockedBy: []slipway.Verdict{{Gate: "permission", Result: slipway.Fail, Reason: "A token is no person at a browser.", Who: "a person at a browser"}}}
	}
	code := slipway.ReadDeviceCode(typed)
	if code == "" {
		return slipway.DeviceLogin{}, none
	}
	d, err := tx.Devices().ByCode(ctx, code)
	if slipway.IsNotFound(err) || (err == nil && (d.State != slipway.DeviceWaiting || !a.now().Before(d.ExpiresAt))) {
		return slipway.DeviceLogin{}, none
	}
	return d, err
}

// DecideDevice is a person's answer to a command line that asks.
type DecideDevice struct {
	Code    string // as it was typed
	Approve bool
}

// DecideDevice lets a command line fetch a token of the actor's, or refuses it.
func (a *App) DecideDevice(ctx context.Context, actor slipway.Actor, c DecideDevice) (d slipway.DeviceLogin, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		if d, err = a.device(ctx, tx, actor, c.Code); err != nil {
			return err
		}
		said := change{action: "device.denied", subject: "command line " + slipway.ShownDeviceCode(d.UserCode), summary: "refused to sign in the command line at " + d.Address}
		d.State = slipway.DeviceDenied
		if c.Approve {
			d.State, d.UserID = slipway.DeviceApproved, actor.ID
			said.action, said.summary = "device.approved", "signed in the command line at "+d.Address
			said.detail = map[string]any{"name": d.Name, "scopes": d.Scopes, "lifetime": d.Lifetime}
		}
		if err := tx.Devices().Put(ctx, d); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, said)
	})
	return d, err
}

// DeviceAnswer is what a command line hears that asks whether it is signed in,
// in the words of RFC 8628; empty: it is.
type DeviceAnswer string

// The answers.
const (
	DevicePending DeviceAnswer = "authorization_pending"
	DeviceTooFast DeviceAnswer = "slow_down"
	DeviceRefused DeviceAnswer = "access_denied"
	DeviceOver    DeviceAnswer = "expired_token"
)

// TakeDevice is a command line that comes back. The token is made now and not
// before: until it is fetched there is none that could be stolen.
type TakeDevice struct {
	ID         string
	TokenID    string
	SecretHash string
	RequestID  string
	Address    string
}

// TakeDevice gives the token of the person who said yes, once.
func (a *App) TakeDevice(ctx context.Context, c TakeDevice) (t slipway.Token, answer DeviceAnswer, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		now := a.now()
		t, answer = slipway.Token{}, "" // this may run again
		d, err := tx.Devices().Get(ctx, c.ID)
		if slipway.IsNotFound(err) || (err == nil && !now.Before(d.ExpiresAt)) {
			answer = DeviceOver
			return nil
		}
		if err != nil {
			return err
		}
		if d.State == slipway.DeviceWaiting {
			answer = DevicePending
			if d.PolledAt != nil && now.Sub(*d.PolledAt) < DeviceInterval-time.Second { // the way here takes time, too
				answer = DeviceTooFast
			}
			d.PolledAt = &now
			return tx.Devices().Put(ctx, d)
		}
		if err := tx.Devices().Remove(ctx, d.ID); err != nil {
			return err
		}
		if d.State != slipway.DeviceApproved {
			answer = DeviceRefused
			return nil
		}
		t, answer, err = a.tokenOfDevice(ctx, tx, d, c, now)
		return err
	})
	return t, answer, err
}

func (a *App) tokenOfDevice(ctx context.Context, tx slipway.Tx, d slipway.DeviceLogin, c TakeDevice, now time.Time) (slipway.Token, DeviceAnswer, error) {
	u, err := tx.People().User(ctx, d.UserID)
	if slipway.IsNotFound(err) || (err == nil && u.Disabled) {
		return slipway.Token{}, DeviceRefused, nil
	}
	if err != nil {
		return slipway.Token{}, "", err
	}
	name := "command line"
	if d.Name != "" {
		name += " on " + d.Name
	}
	t := slipway.Token{ID: c.TokenID, Name: name, OwnerKind: slipway.ActorUser, OwnerID: u.ID, SecretHash: c.SecretHash, Scopes: d.Scopes, CreatedAt: now, ExpiresAt: now.Add(time.Duration(d.Lifetime))}
	if err := tx.Tokens().Add(ctx, t); err != nil {
		return t, "", err
	}
	actor := UserActor(u)
	actor.Via, actor.RequestID, actor.Address = slipway.ViaREST, c.RequestID, c.Address
	return t, "", a.record(ctx, tx, actor, change{action: "token.created", subject: "token " + t.ID,
		summary: fmt.Sprintf("created token %q of %s, until %s", t.Name, u.Name, t.ExpiresAt.Format(time.DateOnly)),
		detail:  map[string]any{"scopes": t.Scopes, "owner": t.OwnerID}})
}
