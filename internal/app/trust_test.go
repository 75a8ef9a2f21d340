package app_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	ciIssuer  = "https://ci.example.com/_services/token"
	ownPortal = "https://slipway.example.com"
)

// trustRule lets jobs of repository 74 release shop and promote it to staging.
func trustRule(change ...func(*slipway.TrustRule)) app.AddTrustRule {
	r := slipway.TrustRule{Name: "releases", Kind: slipway.TrustGitHub, Issuer: ciIssuer, Audience: ownPortal, Claims: map[string]string{"repository_id": "74", "repository_owner_id": "65"},
		Scope:       slipway.Scope{Kind: slipway.ScopeService, Name: "shop"},
		Permissions: []slipway.Permission{slipway.ReleaseCreate, slipway.DeploymentPromote}, Environments: []string{"staging"}}
	for _, f := range change {
		f(&r)
	}
	return app.AddTrustRule{Rule: r}
}

func may(list ...slipway.Permission) func(*slipway.TrustRule) {
	return func(r *slipway.TrustRule) { r.Permissions = list }
}

// job is a token that was verified.
func job(id string, change ...string) app.Exchange {
	claims := map[string]string{"repository": "acme/shop", "repository_id": "74", "repository_owner_id": "65", "event_name": "push", "ref": "refs/heads/main", "run_id": "123"}
	for i := 0; i < len(change); i += 2 {
		claims[change[i]] = change[i+1]
	}
	return app.Exchange{Issuer: ciIssuer, Audiences: []string{ownPortal}, Claims: claims, Use: slipway.TrustUse{Key: "jti-" + id, Until: t0.Add(time.Hour)},
		ID: id, SecretHash: "hash-" + id, RequestID: "req-" + id, Address: "192.0.2.9"}
}

// enter exchanges a token and comes back as the job that it is.
func (r *rig) enter(e app.Exchange) slipway.Actor {
	r.t.Helper()
	must(r.ExchangeToken(r.ctx, e))(r.t)
	actor := must(r.Authenticate(r.ctx, e.ID, e.SecretHash))(r.t)
	actor.Via = slipway.ViaREST
	return actor
}

// TestAJobMayWhatItsRuleSays and nothing beside it, in the house of the maker's
// own rights.
func TestAJobMayWhatItsRuleSays(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	rule := must(r.AddTrustRule(r.ctx, boss, trustRule()))(t)
	actor := r.enter(job("a"))
	if actor.Kind != slipway.ActorServiceAccount || actor.ID != rule.Account() || actor.Name != "ci:github:acme/shop run 123" {
		t.Errorf("the job is %+v", actor)
	}
	if _, _, err := r.CreateRelease(r.ctx, actor, app.CreateRelease{Service: "shop", Version: "1", Content: content("1")}); err != nil {
		t.Fatal(err)
	}
	d := must(r.Promote(r.ctx, actor, app.Promote{Service: "shop", Environment: "staging", Version: "1"}))(t)
	if d.RequestedBy.Name != actor.Name {
		t.Errorf("it was asked for by %+v", d.RequestedBy)
	}
	r.drive(d.ID)
	refused(t, of(r.Promote(r.ctx, actor, app.Promote{Service: "shop", Environment: "prod", Version: "1"})), denied)
	refused(t, of(r.Promote(r.ctx, actor, app.Promote{Service: "vault", Environment: "staging", Version: "1"})), hidden)
	refused(t, of(r.Rollback(r.ctx, actor, app.Rollback{Service: "shop", Environment: "staging", Reason: "x"})), denied)
	refused(t, of(r.CreateToken(r.ctx, actor, app.CreateToken{ID: "z", SecretHash: "h", Name: "for ever"})), denied)
	refused(t, of(r.AddTrustRule(r.ctx, actor, trustRule())), denied)
	entries := r.audit(20)
	came := entries[len(entries)-1]
	for _, e := range entries {
		if e.Action == "trust.used" {
			came = e
		}
	}
	for _, part := range []string{`"repository_id":"74"`, `"run_id":"123"`, `"ref":"refs/heads/main"`} {
		if !strings.Contains(string(came.Detail), part) {
			t.Errorf("the audit says %s of the job, without %s", came.Detail, part)
		}
	}
	if came.Actor.Name != actor.Name || came.TokenID != "a" || came.Resource.Team != "web" || came.Address != "192.0.2.9" {
		t.Errorf("the entry is %+v", came)
	}

	r.after(16 * time.Minute)
	refused(t, of(r.Authenticate(r.ctx, "a", "hash-a")), slipway.CodeUnauthenticated)
}

// TestARuleIsAsWideAsItsMakerAtMost: a rule is as wide as its maker at most.
func TestARuleIsAsWideAsItsMakerAtMost(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	scope := func(kind slipway.ScopeKind, name string) func(*slipway.TrustRule) {
		return func(r *slipway.TrustRule) { r.Scope = slipway.Scope{Kind: kind, Name: name} }
	}
	refused(t, of(r.AddTrustRule(r.ctx, dev, trustRule())), denied, "Who can: ")
	refused(t, of(r.AddTrustRule(r.ctx, boss, trustRule(scope(slipway.ScopeService, "vault")))), hidden)
	refused(t, of(r.AddTrustRule(r.ctx, boss, trustRule(scope(slipway.ScopeTeam, "ops")))), denied)
	refused(t, of(r.AddTrustRule(r.ctx, root, trustRule(scope(slipway.ScopeTeam, "nosuch")))), slipway.CodeNotFound)
	refused(t, of(r.AddTrustRule(r.ctx, boss, trustRule(scope(slipway.ScopeOrganisation, "")))), denied)
	refused(t, of(r.AddTrustRule(r.ctx, root, trustRule(scope(slipway.ScopeOrganisation, "")))), slipway.CodeInvalid, "scope.kind")
	refused(t, of(r.AddTrustRule(r.ctx, boss, trustRule(may(slipway.DeploymentApprove)))), slipway.CodeInvalid, "deployment.approve")
	refused(t, of(r.AddTrustRule(r.ctx, boss, trustRule(func(r *slipway.TrustRule) { r.Environments = []string{"moon"} }))), slipway.CodeInvalid, `"moon" is none`)
	must(r.AddTrustRule(r.ctx, boss, trustRule(scope(slipway.ScopeTeam, "web"))))(t)

	narrow := boss
	narrow.TokenID, narrow.Scopes = "narrow", []slipway.Permission{slipway.TrustManage, slipway.ServiceRead, slipway.ReleaseCreate}
	refused(t, of(r.AddTrustRule(r.ctx, narrow, trustRule())), denied, "deployment.promote")
	rule := must(r.AddTrustRule(r.ctx, narrow, trustRule(may(slipway.ReleaseCreate))))(t)
	if len(rule.Permissions) != 2 || rule.Lifetime != slipway.Duration(15*time.Minute) {
		t.Errorf("the rule is %+v", rule)
	}
}

func TestWhoIsNotLetIn(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	rule := must(r.AddTrustRule(r.ctx, boss, trustRule()))(t)
	before := r.all()
	unknown := job("a")
	unknown.Issuer = "https://other.example.com"
	elsewhere := job("a")
	elsewhere.Audiences = []string{"https://github.com/acme"}
	for name, c := range map[string]struct {
		e    app.Exchange
		says string
	}{
		"another issuer":         {unknown, "No trust rule"},
		"another audience":       {elsewhere, "No trust rule"},
		"another repository":     {job("a", "repository_id", "75"), `its repository_id is "75"`},
		"another owner":          {job("a", "repository_owner_id", "1", "repository", "acme/shop"), `its repository_owner_id is "1"`},
		"a pull request":         {job("a", "event_name", "pull_request"), "only proposed"},
		"a rule that is no such": {func() app.Exchange { e := job("a"); e.Rule = rule.ID + 1; return e }(), "No trust rule"},
	} {
		err := of(r.ExchangeToken(r.ctx, c.e))
		if e := refused(t, err, denied, c.says); e.Do == "" || strings.Contains(e.Error(), "74") {
			t.Errorf("%s: it tells of the rule, or not what to do: %v", name, e)
		}
	}
	if r.all() != before {
		t.Error("a refusal left something")
	}
	refused(t, of(r.TrustedAudiences(r.ctx, "https://other.example.com")), denied, "names the issuer")
	if audiences := must(r.TrustedAudiences(r.ctx, ciIssuer))(t); len(audiences) != 1 || audiences[0] != ownPortal {
		t.Errorf("audiences %q", audiences)
	}
	r.enter(job("a", "repository", "umbrella/renamed"))
	again := job("b")
	again.Use.Key = "jti-a"
	refused(t, of(r.ExchangeToken(r.ctx, again)), slipway.CodeConflict, "used before")
	other := must(r.AddTrustRule(r.ctx, boss, trustRule()))(t)
	refused(t, of(r.ExchangeToken(r.ctx, job("c"))), denied, "all take this token")
	chosen := job("c")
	chosen.Rule = other.ID
	if actor := r.enter(chosen); actor.ID != other.Account() {
		t.Errorf("it came in by %s", actor.ID)
	}
}

// TestARuleThatIsGoneShutsTheDoor: for those who come and for those who are in.
func TestARuleThatIsGoneShutsTheDoor(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	rule := must(r.AddTrustRule(r.ctx, boss, trustRule()))(t)
	actor := r.enter(job("a"))
	must(r.Service(r.ctx, actor, "shop"))(t)
	must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectServiceAccount, Name: rule.Account()},
		Role: slipway.RoleAdmin, Scope: slipway.Scope{Kind: slipway.ScopeOrganisation}}}))(t)
	refused(t, of(r.Service(r.ctx, actor, "vault")), hidden) // what is bound to its account gives it nothing
	ok(t, r.RemoveTrustRule(r.ctx, boss, app.RemoveTrustRule{Rule: rule.ID}))
	refused(t, of(r.Authenticate(r.ctx, "a", "hash-a")), slipway.CodeUnauthenticated)
	refused(t, of(r.Service(r.ctx, actor, "shop")), hidden) // a request under way
	refused(t, of(r.ExchangeToken(r.ctx, job("b"))), denied)
}

func TestRulesAreSeenWhereOneRules(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	shop := must(r.AddTrustRule(r.ctx, boss, trustRule()))(t)
	ops := trustRule(func(r *slipway.TrustRule) { r.Scope = slipway.Scope{Kind: slipway.ScopeTeam, Name: "ops"} })
	must(r.AddTrustRule(r.ctx, foreigner, ops))(t)
	seen := map[string]int{}
	for name, actor := range map[string]slipway.Actor{"root": root, "boss": boss, "foreigner": foreigner} {
		seen[name] = len(must(r.TrustRules(r.ctx, actor))(t))
	}
	if want := map[string]int{"root": 2, "boss": 1, "foreigner": 1}; !maps.Equal(seen, want) {
		t.Errorf("rules seen: %v, want %v", seen, want)
	}
	refused(t, r.RemoveTrustRule(r.ctx, foreigner, app.RemoveTrustRule{Rule: shop.ID}), hidden)
	refused(t, r.RemoveTrustRule(r.ctx, dev, app.RemoveTrustRule{Rule: shop.ID}), denied)
}
