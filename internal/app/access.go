package app

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// AddBinding gives a subject a role within a scope.
type AddBinding struct {
	Once
	Binding slipway.Binding
}

// AddBinding saves the binding. Whoever gives a role needs to manage access
// where the role will reach.
func (a *App) AddBinding(ctx context.Context, actor slipway.Actor, c AddBinding) (slipway.Binding, error) {
	var b slipway.Binding
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		on, err := a.scopeResource(ctx, tx, c.Binding.Scope)
		if err != nil {
			return err
		}
		if err := a.authorize(ctx, tx, actor, slipway.AccessManage, on); err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) {
			if err := checkBinding(ctx, tx, c.Binding); err != nil {
				return "", err
			}
			added, err := tx.Bindings().Add(ctx, slipway.Binding{Subject: c.Binding.Subject, Role: c.Binding.Role, Scope: c.Binding.Scope})
			if err != nil {
				return "", err
			}
			return itoa(added.ID), a.record(ctx, tx, actor, change{action: "access.granted", on: on, subject: "binding " + itoa(added.ID),
				summary: fmt.Sprintf("gave %s %s the role %s on %s", added.Subject.Kind, added.Subject.Name, added.Role, policy.DescribeScope(added.Scope)), detail: added})
		})
		if err != nil {
			return err
		}
		id, err := atoi("binding", outcome)
		if err != nil {
			return err
		}
		b, err = tx.Bindings().Get(ctx, id)
		return err
	})
	return b, err
}

// scopeResource is what managing access within a scope is asked for.
func (a *App) scopeResource(ctx context.Context, tx slipway.Tx, s slipway.Scope) (slipway.Resource, error) {
	team := ""
	switch s.Kind {
	case slipway.ScopeOrganisation:
	case slipway.ScopeTeam:
		if _, err := tx.Teams().Get(ctx, s.Name); err != nil {
			return slipway.Resource{}, err
		}
	case slipway.ScopeService:
		service, err := tx.Services().Get(ctx, s.Name)
		if err != nil {
			return slipway.Resource{}, err
		}
		team = service.Team
	case slipway.ScopeEnvironment:
		if _, err := tx.Environments().Get(ctx, s.Name); err != nil {
			return slipway.Resource{}, err
		}
	default:
		return slipway.Resource{}, slipway.Invalid("The binding", []slipway.FieldError{{Field: "scope.kind", Message: "is organisation, team, service or environment"}})
	}
	return policy.ScopeResource(s, team), nil
}

func checkBinding(ctx context.Context, tx slipway.Tx, b slipway.Binding) error {
	var faults []slipway.FieldError
	known := false
	for _, r := range slipway.Roles() {
		known = known || r == b.Role
	}
	if !known {
		faults = append(faults, slipway.FieldError{Field: "role", Message: "is viewer, developer, approver, maintainer or admin"})
	}
	switch b.Subject.Kind {
	case slipway.SubjectUser:
		if _, err := tx.People().User(ctx, b.Subject.Name); slipway.IsNotFound(err) {
			faults = append(faults, slipway.FieldError{Field: "subject.name", Message: "no such person has signed in yet; bind a group instead"})
		} else if err != nil {
			return err
		}
	case slipway.SubjectGroup, slipway.SubjectServiceAccount:
		if b.Subject.Name == "" || len(b.Subject.Name) > 200 {
			faults = append(faults, slipway.FieldError{Field: "subject.name", Message: "is needed"})
		}
	case slipway.SubjectEveryone:
		if b.Subject.Name != "" {
			faults = append(faults, slipway.FieldError{Field: "subject.name", Message: "stays empty for everyone"})
		}
	default:
		faults = append(faults, slipway.FieldError{Field: "subject.kind", Message: "is user, group, serviceaccount or everyone"})
	}
	return slipway.Invalid("The binding", faults)
}

// RemoveBinding takes a role away again.
type RemoveBinding struct {
	Once
	Binding int64
}

// RemoveBinding takes a role away again.
func (a *App) RemoveBinding(ctx context.Context, actor slipway.Actor, c RemoveBinding) error {
	return a.writeOnce(ctx, actor, c.Once, c, func(tx slipway.Tx) error {
		b, err := tx.Bindings().Get(ctx, c.Binding)
		if err != nil {
			return err
		}
		on, err := a.scopeResource(ctx, tx, b.Scope)
		if err != nil {
			return err
		}
		if err := a.authorize(ctx, tx, actor, slipway.AccessManage, on); err != nil {
			return err
		}
		if err := tx.Bindings().Remove(ctx, c.Binding); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "access.revoked", on: on, subject: "binding " + itoa(c.Binding),
			summary: fmt.Sprintf("took the role %s on %s from %s %s", b.Role, policy.DescribeScope(b.Scope), b.Subject.Kind, b.Subject.Name), detail: b})
	})
}

// Access is who is known and what they may do.
type Access struct {
	Users           []slipway.User
	ServiceAccounts []slipway.ServiceAccount
	Bindings        []slipway.Binding
	MayManage       string // why the actor may not, organisation-wide; empty if allowed
}

// Access lists bindings within the actor's reach, and people and machines for
// those who may ask for explanations of the whole organisation: a role in one
// team is no licence to read everybody's address.
func (a *App) Access(ctx context.Context, actor slipway.Actor) (out Access, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		may, err := a.visible(ctx, tx, actor, slipway.AccessExplain)
		if err != nil {
			return err
		}
		if may.Nothing() {
			return a.authorize(ctx, tx, actor, slipway.AccessExplain, slipway.Resource{})
		}
		if out.Bindings, err = a.bindingsWithin(ctx, tx, may); err != nil {
			return err
		}
		if may.All {
			if out.Users, err = tx.People().Users(ctx); err != nil {
				return err
			}
			if out.ServiceAccounts, err = tx.People().ServiceAccounts(ctx); err != nil {
				return err
			}
		}
		out.MayManage, err = a.may(ctx, tx, actor, slipway.AccessManage, slipway.Resource{})
		return err
	})
	return out, err
}

// bindingsWithin lists the bindings whose scope the filter admits.
func (a *App) bindingsWithin(ctx context.Context, tx slipway.Tx, may policy.Filter) ([]slipway.Binding, error) {
	all, err := a.allBindings(ctx, tx)
	if err != nil || may.All {
		return all, err
	}
	var within []slipway.Binding
	for _, b := range all {
		on, err := a.scopeResource(ctx, tx, b.Scope)
		if slipway.IsNotFound(err) {
			continue // its scope is gone, so it reaches nothing
		}
		if err != nil {
			return nil, err
		}
		if may.Admits(on) {
			within = append(within, b)
		}
	}
	return within, nil
}

// Explain asks what somebody may do. Subject is a user's or service account's
// ID; empty: the asker.
type Explain struct {
	Subject    string
	Permission slipway.Permission
	Resource   slipway.Resource
}

// Explained is the answer to Explain.
type Explained struct {
	Subject  string
	Decision policy.Decision
	Who      string // who may
}

// Explain answers with the decision that the subject's own request would get.
func (a *App) Explain(ctx context.Context, actor slipway.Actor, c Explain) (out Explained, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if c.Resource.Service != "" {
			s, err := a.service(ctx, tx, actor, c.Resource.Service, c.Resource.Environment, slipway.ServiceRead)
			if err != nil {
				return err
			}
			c.Resource.Team = s.Team
		}
		if c.Subject != "" && c.Subject != actor.ID {
			if err := a.authorize(ctx, tx, actor, slipway.AccessExplain, c.Resource); err != nil {
				return err
			}
		} else if err := a.signedIn(actor); err != nil {
			return err
		}
		subject, err := a.subject(ctx, tx, actor, c.Subject)
		if err != nil {
			return err
		}
		bindings, err := a.bindings(ctx, tx, subject)
		if err != nil {
			return err
		}
		out.Subject = subject.Name
		out.Decision = policy.Decide(policy.Input{Actor: subject, Bindings: bindings, Permission: c.Permission, Resource: c.Resource})
		out.Who, err = a.whoCan(ctx, tx, c.Permission, c.Resource)
		return err
	})
	return out, err
}

// subject is the actor that somebody would be if they asked now.
func (a *App) subject(ctx context.Context, tx slipway.Tx, actor slipway.Actor, id string) (slipway.Actor, error) {
	if id == "" || id == actor.ID {
		return actor, nil
	}
	u, err := tx.People().User(ctx, id)
	if err == nil {
		return slipway.Actor{Kind: slipway.ActorUser, ID: u.ID, Name: u.Name, Groups: u.Groups}, nil
	}
	if !slipway.IsNotFound(err) {
		return slipway.Actor{}, err
	}
	machines, err := tx.People().ServiceAccounts(ctx)
	if err != nil {
		return slipway.Actor{}, err
	}
	for _, m := range machines {
		if m.ID == id {
			return slipway.Actor{Kind: slipway.ActorServiceAccount, ID: m.ID, Name: m.ID}, nil
		}
	}
	return slipway.Actor{}, slipway.NotFound("person or service account", id)
}
