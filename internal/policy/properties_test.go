package policy_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The names are few and shared between kinds on purpose, so that confusing a
// team with a service of the same name, or an empty name with none, shows.
func names() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "a", "b", "c"})
}

func bindings() *rapid.Generator[[]slipway.Binding] {
	one := rapid.Custom(func(t *rapid.T) slipway.Binding {
		return slipway.Binding{
			Subject: slipway.Subject{
				Kind: rapid.SampledFrom([]slipway.SubjectKind{
					slipway.SubjectUser, slipway.SubjectGroup, slipway.SubjectServiceAccount, slipway.SubjectEveryone, "ghost",
				}).Draw(t, "subject"),
				Name: names().Draw(t, "subject name"),
			},
			Role: rapid.SampledFrom(append(slipway.Roles(), "", "emperor")).Draw(t, "role"),
			Scope: slipway.Scope{
				Kind: rapid.SampledFrom([]slipway.ScopeKind{
					slipway.ScopeOrganisation, slipway.ScopeTeam, slipway.ScopeService, slipway.ScopeEnvironment, "galaxy",
				}).Draw(t, "scope"),
				Name: names().Draw(t, "scope name"),
			},
		}
	})
	return rapid.SliceOfN(one, 0, 8)
}

func actors() *rapid.Generator[slipway.Actor] {
	return rapid.Custom(func(t *rapid.T) slipway.Actor {
		return slipway.Actor{
			Kind: rapid.SampledFrom([]slipway.ActorKind{
				slipway.ActorUser, slipway.ActorServiceAccount, slipway.ActorSystem, "",
			}).Draw(t, "kind"),
			ID:     names().Draw(t, "id"),
			Groups: rapid.SliceOfN(names(), 0, 2).Draw(t, "groups"),
			Scopes: rapid.SliceOfN(permissions(), 0, 3).Draw(t, "scopes"),
			Via:    rapid.SampledFrom([]slipway.Channel{slipway.ViaEngine, slipway.ViaREST}).Draw(t, "via"),
		}
	})
}

func permissions() *rapid.Generator[slipway.Permission] {
	return rapid.SampledFrom(append(slipway.Permissions(), "unheard.of"))
}

func inputs() *rapid.Generator[policy.Input] {
	return rapid.Custom(func(t *rapid.T) policy.Input {
		return policy.Input{
			Actor: actors().Draw(t, "actor"), Bindings: bindings().Draw(t, "bindings"),
			Permission: permissions().Draw(t, "permission"),
			Resource: slipway.Resource{
				Team: names().Draw(t, "team"), Service: names().Draw(t, "service"), Environment: names().Draw(t, "environment"),
			},
		}
	})
}

func TestAddingABindingTakesNothingAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		before := policy.Decide(in).Allowed
		in.Bindings = append(in.Bindings, bindings().Draw(t, "more")...)
		if before && !policy.Decide(in).Allowed {
			t.Fatal("more bindings allow less")
		}
	})
}

func TestScopesOnlyNarrow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		with := policy.Decide(in).Allowed
		scopes := in.Actor.Scopes
		in.Actor.Scopes = nil
		if with && !policy.Decide(in).Allowed {
			t.Fatal("scopes allow what the owner may not")
		}
		if with && len(scopes) > 0 && !slices.Contains(scopes, in.Permission) {
			t.Fatal("a permission outside the scopes is allowed")
		}
	})
}

func TestNothingComesFromNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		all := in.Bindings
		in.Bindings = nil
		if in.Actor.Kind != slipway.ActorSystem && policy.Decide(in).Allowed {
			t.Fatal("allowed without a binding")
		}
		in.Bindings = all
		in.Actor.ID = ""
		if in.Actor.Kind != slipway.ActorSystem && policy.Decide(in).Allowed {
			t.Fatal("nobody is allowed something")
		}
	})
}

func TestADecisionAndItsExplanationAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		d := policy.Decide(in)
		if d.Allowed != (d.Denied == nil) || d.Allowed != (d.Err() == nil) || d.Reason == "" {
			t.Fatalf("decision contradicts itself: %+v", d)
		}
		if d.Allowed && in.Actor.Kind != slipway.ActorSystem {
			who := policy.WhoCan(in.Bindings, in.Permission, in.Resource)
			for _, g := range d.Grants {
				if !slices.Contains(who, g.Binding.Subject) {
					t.Fatalf("%+v allows it but is not among %+v", g, who)
				}
			}
			if len(d.Grants) == 0 {
				t.Fatal("allowed by no binding")
			}
		}
	})
}

// A list cut by the filter must hold exactly what Decide lets one see.
func TestVisibleAdmitsWhatDecideAllows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		filter := policy.Visible(in.Bindings, in.Actor, in.Permission)
		if got, want := filter.Admits(in.Resource), policy.Decide(in).Allowed; got != want {
			t.Fatalf("filter %+v admits = %v, Decide = %v", filter, got, want)
		}
	})
}
