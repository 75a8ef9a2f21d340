// Package policy decides who may do what. It is pure: bindings go in, a
// decision with its reason comes out, and nothing is allowed that no binding
// gives.
//
// The caller takes the Resource from what is stored, never from what a request
// says of it, and asks twice when something moves from one team to another:
// once for the old place, once for the new one.
package policy

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Input is one question: may the actor do this to that?
type Input struct {
	Actor slipway.Actor
	// Bindings holds at least those of the actor. Others do no harm, they give
	// the actor nothing; "who can" is as complete as this list is.
	Bindings   []slipway.Binding
	Permission slipway.Permission
	Resource   slipway.Resource
}

// Grant is one binding that allows what was asked, and the role it gives.
type Grant struct {
	Binding slipway.Binding `json:"binding"`
	Role    slipway.Role    `json:"role"`
}

// Decision is the answer. Reason is a sentence about the actor by name, fit to
// explain one person's access to another.
type Decision struct {
	Allowed bool
	Reason  string
	Grants  []Grant           // what allows it; empty if denied
	Denied  *slipway.Verdict  // the same answer to the actor; nil if allowed
	WhoCan  []slipway.Subject // if denied: who could

	anonymous bool
	phrase    string
}

// Decide answers the question. What a token is scoped to only ever takes away
// from what its owner may do.
func Decide(in Input) Decision {
	switch {
	case !authenticated(in.Actor):
		return refuse(in, "nobody is signed in", "nobody is signed in")
	case !scoped(in.Actor, in.Permission):
		return refuseScope(in)
	case in.Actor.Kind == slipway.ActorSystem:
		if systemMay(in.Permission) {
			return Decision{Allowed: true, Reason: "Slipway may " + phrase(in.Permission, in.Resource) + " by itself."}
		}
		return refuse(in, "Slipway does that only when a person asks for it", "Slipway does that only when a person asks for it")
	}
	grants := grantsOf(in)
	if len(grants) == 0 {
		return refuseRole(in)
	}
	return Decision{Allowed: true, Reason: explainGrant(in, grants[0].Binding), Grants: grants}
}

// Err turns a refusal into the error that people read; nil if allowed.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	if d.anonymous {
		return &slipway.Error{
			Code: slipway.CodeUnauthenticated, Message: "Nobody is signed in.",
			Affected: "Nothing was changed.", Do: "Sign in, or send a valid API token.",
		}
	}
	e := &slipway.Error{
		Code: slipway.CodeDenied, Message: "You may not " + d.phrase + ".",
		Affected: "Nothing was changed.", Do: "Ask an administrator for a role that includes it.",
	}
	if d.Denied != nil {
		e.BlockedBy = []slipway.Verdict{*d.Denied}
		if d.Denied.Who != "" {
			e.Do = "Who can: " + d.Denied.Who + "."
		}
	}
	return e
}

// WhoCan lists the subjects that may do something, in the order of the
// bindings, each once.
func WhoCan(bindings []slipway.Binding, permission slipway.Permission, resource slipway.Resource) []slipway.Subject {
	var subjects []slipway.Subject
	for _, b := range bindings {
		if gives(b, permission, resource) && !slices.Contains(subjects, b.Subject) {
			subjects = append(subjects, b.Subject)
		}
	}
	return subjects
}

func grantsOf(in Input) []Grant {
	var grants []Grant
	for _, b := range in.Bindings {
		if isFor(b.Subject, in.Actor) && gives(b, in.Permission, in.Resource) {
			grants = append(grants, Grant{Binding: b, Role: b.Role})
		}
	}
	return grants
}

// gives reports whether the binding lets its subject do it.
func gives(b slipway.Binding, permission slipway.Permission, resource slipway.Resource) bool {
	return Includes(b.Role, permission) && (personal(permission) || Covers(b.Scope, resource)) && leaves(b.Only, permission, resource)
}

// leaves reports whether what narrows a binding leaves a permission on a
// resource.
func leaves(only *slipway.Only, permission slipway.Permission, resource slipway.Resource) bool {
	return only == nil || slices.Contains(only.Permissions, permission) &&
		(len(only.Environments) == 0 || !permission.OfStages() || slices.Contains(only.Environments, resource.Environment))
}

// authenticated reports whether the actor is somebody. The system is only what
// the engine itself made: no door can send a request in its name.
func authenticated(a slipway.Actor) bool {
	switch a.Kind {
	case slipway.ActorUser, slipway.ActorServiceAccount:
		return a.ID != ""
	case slipway.ActorSystem:
		return a.Via == slipway.ViaEngine
	default:
		return false
	}
}

// scoped reports whether the scopes of the actor's token leave the permission.
// No scopes means that the token narrows nothing.
func scoped(a slipway.Actor, permission slipway.Permission) bool {
	return len(a.Scopes) == 0 || slices.Contains(a.Scopes, permission)
}

// isFor reports whether a binding's subject is the actor. Groups come from the
// sign-in of people, so a machine is in none, and everyone is people only.
func isFor(s slipway.Subject, a slipway.Actor) bool {
	switch s.Kind {
	case slipway.SubjectUser:
		return a.Kind == slipway.ActorUser && s.Name != "" && s.Name == a.ID
	case slipway.SubjectServiceAccount:
		return a.Kind == slipway.ActorServiceAccount && s.Name != "" && s.Name == a.ID
	case slipway.SubjectGroup:
		return a.Kind == slipway.ActorUser && s.Name != "" && slices.Contains(a.Groups, s.Name)
	case slipway.SubjectEveryone:
		return a.Kind == slipway.ActorUser
	default:
		return false
	}
}
