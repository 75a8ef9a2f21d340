package policy_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestOnlyNarrows: what narrows a binding never gives what the binding does not,
// nothing outside of it is left, and lists show no more than decisions allow.
func TestOnlyNarrows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		wide := policy.Decide(in).Allowed
		only := &slipway.Only{Permissions: rapid.SliceOfN(permissions(), 0, 4).Draw(t, "only"), Environments: rapid.SliceOfN(names(), 0, 2).Draw(t, "where")}
		for i := range in.Bindings {
			in.Bindings[i].Only, in.Bindings[i].Source = only, "trust rule 1"
		}
		d := policy.Decide(in)
		if in.Actor.Kind == slipway.ActorSystem {
			return // it has no bindings
		}
		if d.Allowed && !wide {
			t.Fatal("narrowing gives more")
		}
		listed := false
		for _, p := range only.Permissions {
			listed = listed || p == in.Permission
		}
		if d.Allowed && !listed {
			t.Fatal("a permission outside is left")
		}
		where := len(only.Environments) == 0
		for _, e := range only.Environments {
			where = where || e == in.Resource.Environment
		}
		if d.Allowed && in.Permission.OfStages() && !where {
			t.Fatal("an environment outside is left")
		}
		if wide && listed && (where || !in.Permission.OfStages()) && !d.Allowed {
			t.Fatal("more is taken away than was said")
		}
		if policy.Visible(in.Bindings, in.Actor, in.Permission).Admits(in.Resource) && !d.Allowed {
			t.Fatal("a list shows what a decision denies")
		}
	})
}
