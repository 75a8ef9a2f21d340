package policy

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Covers reports whether a scope reaches a resource. A scope reaches what is
// inside it and never what it is inside of: a team's binding says nothing about
// the organisation or about an environment that all teams share.
func Covers(s slipway.Scope, r slipway.Resource) bool {
	if s.Kind == slipway.ScopeOrganisation {
		return true
	}
	if s.Name == "" {
		return false // or it would match everything that has no such part
	}
	switch s.Kind {
	case slipway.ScopeTeam:
		return s.Name == r.Team
	case slipway.ScopeService:
		return s.Name == r.Service
	case slipway.ScopeEnvironment:
		return s.Name == r.Environment
	default:
		return false
	}
}

// ScopeResource is what access.manage is asked for when a binding of that scope
// is made or removed, so that nobody gives away more than they rule over. team
// is the team of the service for a service scope, else unused.
func ScopeResource(s slipway.Scope, team string) slipway.Resource {
	switch s.Kind {
	case slipway.ScopeTeam:
		return slipway.Resource{Team: s.Name}
	case slipway.ScopeService:
		return slipway.Resource{Team: team, Service: s.Name}
	case slipway.ScopeEnvironment:
		return slipway.Resource{Environment: s.Name}
	default:
		return slipway.Resource{}
	}
}

// Filter narrows a list to what an actor may have of it: all, or what belongs
// to one of these.
type Filter struct {
	All          bool
	Teams        []string
	Services     []string
	Environments []string
}

// Visible gathers what the bindings let the actor do a thing to, so that a list
// is cut by the query and not row by row. It admits exactly what Decide allows;
// of a binding that is narrowed to environments it leaves out what is about
// stages.
func Visible(bindings []slipway.Binding, actor slipway.Actor, permission slipway.Permission) Filter {
	if !authenticated(actor) || !scoped(actor, permission) {
		return Filter{}
	}
	if actor.Kind == slipway.ActorSystem {
		return Filter{All: systemMay(permission)}
	}
	var f Filter
	for _, b := range bindings {
		if isFor(b.Subject, actor) && Includes(b.Role, permission) && leaves(b.Only, permission, slipway.Resource{}) {
			f.add(b.Scope, personal(permission))
		}
	}
	if f.All {
		return Filter{All: true}
	}
	return f
}

func (f *Filter) add(s slipway.Scope, everywhere bool) {
	insert := func(names []string) []string {
		if s.Name == "" || slices.Contains(names, s.Name) {
			return names
		}
		return append(names, s.Name)
	}
	switch {
	case everywhere, s.Kind == slipway.ScopeOrganisation:
		f.All = true
	case s.Kind == slipway.ScopeTeam:
		f.Teams = insert(f.Teams)
	case s.Kind == slipway.ScopeService:
		f.Services = insert(f.Services)
	case s.Kind == slipway.ScopeEnvironment:
		f.Environments = insert(f.Environments)
	}
}

// Nothing reports whether the filter admits nothing at all.
func (f Filter) Nothing() bool {
	return !f.All && len(f.Teams) == 0 && len(f.Services) == 0 && len(f.Environments) == 0
}

// Admits reports whether a resource passes.
func (f Filter) Admits(r slipway.Resource) bool {
	return f.All ||
		(r.Team != "" && slices.Contains(f.Teams, r.Team)) ||
		(r.Service != "" && slices.Contains(f.Services, r.Service)) ||
		(r.Environment != "" && slices.Contains(f.Environments, r.Environment))
}
