package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// PutEnvironment creates an environment or changes its title, rank and tier.
type PutEnvironment struct {
	Once
	Environment slipway.Environment
}

// PutEnvironment saves the environment; a lock on it stays as it is.
func (a *App) PutEnvironment(ctx context.Context, actor slipway.Actor, c PutEnvironment) (slipway.Environment, error) {
	e := c.Environment
	return a.environmentWrite(ctx, actor, slipway.EnvironmentManage, e.Name, c.Once, c, func(tx slipway.Tx) error {
		var faults []slipway.FieldError
		if fault := slipway.CheckEnvironmentName(e.Name); fault != "" {
			faults = append(faults, slipway.FieldError{Field: "name", Message: fault})
		}
		switch e.Tier {
		case slipway.TierDevelopment, slipway.TierStaging, slipway.TierProduction:
		default:
			faults = append(faults, slipway.FieldError{Field: "tier", Message: "is development, staging or production"})
		}
		if err := slipway.Invalid("The environment", faults); err != nil {
			return err
		}
		if e.Title == "" {
			e.Title = e.Name
		}
		old, err := tx.Environments().Get(ctx, e.Name)
		fresh := slipway.IsNotFound(err)
		if err != nil && !fresh {
			return err
		}
		if e.Lock = old.Lock; e == old {
			return nil
		}
		if err := tx.Environments().Put(ctx, e); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "environment.saved", on: slipway.Resource{Environment: e.Name}, subject: "environment " + e.Name,
			summary: "saved environment " + e.Name, detail: e, news: slipway.EnvironmentNews{Created: fresh}})
	})
}

// LockEnvironment keeps others from starting deployments in an environment.
type LockEnvironment struct {
	Once
	Environment string
	Reason      string
}

// LockEnvironment locks; what is locked already is a conflict that names the
// owner.
func (a *App) LockEnvironment(ctx context.Context, actor slipway.Actor, c LockEnvironment) (slipway.Environment, error) {
	return a.environmentWrite(ctx, actor, slipway.EnvironmentLock, c.Environment, c.Once, c, func(tx slipway.Tx) error {
		reason := strings.TrimSpace(c.Reason)
		if reason == "" || len(reason) > maxText {
			return slipway.Invalid("The lock", []slipway.FieldError{{Field: "reason", Message: "is needed, so that others know why they wait"}})
		}
		e, err := tx.Environments().Get(ctx, c.Environment)
		if err != nil {
			return err
		}
		if e.Lock != nil {
			return slipway.Conflict(fmt.Sprintf("%s is locked already, by %s: %s", e.Name, e.Lock.OwnerName, e.Lock.Reason), "Unlock it first.")
		}
		e.Lock = &slipway.Lock{Owner: actor.ID, OwnerName: actor.Name, Reason: reason, Since: a.now()}
		if err := tx.Environments().Put(ctx, e); err != nil {
			return err
		}
		return a.recordEnvironment(ctx, tx, actor, e.Name, "environment.locked", "locked "+e.Name+": "+reason, e.Lock)
	})
}

// UnlockEnvironment lets deployments start again.
type UnlockEnvironment struct {
	Once
	Environment string
}

// UnlockEnvironment unlocks; what is not locked stays so.
func (a *App) UnlockEnvironment(ctx context.Context, actor slipway.Actor, c UnlockEnvironment) (slipway.Environment, error) {
	return a.environmentWrite(ctx, actor, slipway.EnvironmentLock, c.Environment, c.Once, c, func(tx slipway.Tx) error {
		e, err := tx.Environments().Get(ctx, c.Environment)
		if err != nil || e.Lock == nil {
			return err
		}
		was := e.Lock
		e.Lock = nil
		if err := tx.Environments().Put(ctx, e); err != nil {
			return err
		}
		if err := a.recordEnvironment(ctx, tx, actor, e.Name, "environment.unlocked", "unlocked "+e.Name, was); err != nil {
			return err
		}
		return a.wakeWaiting(ctx, tx, slipway.DeploymentFilter{Environment: e.Name})
	})
}

func (a *App) environmentWrite(ctx context.Context, actor slipway.Actor, p slipway.Permission, name string, once Once, command any, do func(slipway.Tx) error) (slipway.Environment, error) {
	var e slipway.Environment
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.authorize(ctx, tx, actor, p, slipway.Resource{Environment: name}); err != nil {
			return err
		}
		_, err := a.once(ctx, tx, actor, once, command, func() (string, error) { return name, do(tx) })
		if err != nil {
			return err
		}
		e, err = tx.Environments().Get(ctx, name)
		return err
	})
	return e, err
}

func (a *App) recordEnvironment(ctx context.Context, tx slipway.Tx, actor slipway.Actor, name, action, summary string, detail any) error {
	return a.record(ctx, tx, actor, change{action: action, on: slipway.Resource{Environment: name},
		subject: "environment " + name, summary: summary, detail: detail})
}

// wakeWaiting has the engine judge the gates of waiting deployments now.
func (a *App) wakeWaiting(ctx context.Context, tx slipway.Tx, filter slipway.DeploymentFilter) error {
	return slipway.WakeWaiting(ctx, tx, filter, a.now())
}

// Environments lists all environments with their locks.
func (a *App) Environments(ctx context.Context, actor slipway.Actor) (out []slipway.Environment, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, err = tx.Environments().List(ctx)
		return err
	})
	return out, err
}

// AddFreeze keeps an environment from new deployments for a known time.
type AddFreeze struct {
	Once
	Environment string
	Reason      string
	From        time.Time // zero: now
	Until       time.Time
}

// AddFreeze adds a freeze.
func (a *App) AddFreeze(ctx context.Context, actor slipway.Actor, c AddFreeze) (slipway.Freeze, error) {
	var f slipway.Freeze
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.authorize(ctx, tx, actor, slipway.FreezeManage, slipway.Resource{Environment: c.Environment}); err != nil {
			return err
		}
		if _, err := tx.Environments().Get(ctx, c.Environment); err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) { return a.addFreeze(ctx, tx, actor, c) })
		if err != nil {
			return err
		}
		id, err := atoi("freeze", outcome)
		if err != nil {
			return err
		}
		f, err = tx.Freezes().Get(ctx, id)
		return err
	})
	return f, err
}

func (a *App) addFreeze(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c AddFreeze) (string, error) {
	now := a.now()
	if c.From.IsZero() {
		c.From = now
	}
	var faults []slipway.FieldError
	if strings.TrimSpace(c.Reason) == "" || len(c.Reason) > maxText {
		faults = append(faults, slipway.FieldError{Field: "reason", Message: "is needed, so that others know why they wait"})
	}
	if !c.Until.After(c.From) || !c.Until.After(now) {
		faults = append(faults, slipway.FieldError{Field: "until", Message: "is a time to come, after the beginning"})
	}
	if err := slipway.Invalid("The freeze", faults); err != nil {
		return "", err
	}
	f, err := tx.Freezes().Add(ctx, slipway.Freeze{Environment: c.Environment, Reason: strings.TrimSpace(c.Reason),
		From: c.From.UTC(), Until: c.Until.UTC(), By: actor.Name})
	if err != nil {
		return "", err
	}
	summary := fmt.Sprintf("froze %s until %s: %s", f.Environment, f.Until.Format(time.RFC3339), f.Reason)
	return itoa(f.ID), a.recordEnvironment(ctx, tx, actor, f.Environment, "freeze.added", summary, f)
}

// RemoveFreeze ends a freeze before its time.
type RemoveFreeze struct {
	Once
	Freeze int64
}

// RemoveFreeze ends a freeze before its time.
func (a *App) RemoveFreeze(ctx context.Context, actor slipway.Actor, c RemoveFreeze) error {
	return a.writeOnce(ctx, actor, c.Once, c, func(tx slipway.Tx) error {
		f, err := tx.Freezes().Get(ctx, c.Freeze)
		if err != nil {
			return err
		}
		if err := a.authorize(ctx, tx, actor, slipway.FreezeManage, slipway.Resource{Environment: f.Environment}); err != nil {
			return err
		}
		if err := tx.Freezes().Remove(ctx, c.Freeze); err != nil {
			return err
		}
		if err := a.recordEnvironment(ctx, tx, actor, f.Environment, "freeze.removed", "ended the freeze of "+f.Environment, f); err != nil {
			return err
		}
		return a.wakeWaiting(ctx, tx, slipway.DeploymentFilter{Environment: f.Environment})
	})
}

// Freezes lists current and coming freezes, those of calendars included.
func (a *App) Freezes(ctx context.Context, actor slipway.Actor) (out []slipway.Freeze, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, err = a.freezes(ctx, tx)
		return err
	})
	return out, err
}
