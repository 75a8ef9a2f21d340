package rest_test

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// furnish builds what every test starts from:
//
//	shop: 1.0.0 was live in staging and prod; 1.1.0 is live in staging and waits
//	      for prod (deployment 4); 1.2.0 exists and was nowhere; deployment 5 in
//	      slow is running and never gets ready; deployment 6 in other was
//	      cancelled. Set 1 is under way in other. KEY has other values in staging
//	      than what is live was given; in prod a change of it waits for approval.
//	      Trust rule 1 is for releases of shop.
func (r *rig) furnish() {
	ctx, t, admin := r.t.Context(), r.t, actor("admin")
	ok(t, r.store.Write(ctx, func(tx slipway.Tx) error {
		for _, role := range roles[1:] {
			a := actor(role)
			if err := tx.People().PutUser(ctx, slipway.User{ID: a.ID, Issuer: "test", Subject: a.ID, Name: a.Name, Groups: a.Groups, LastSeen: t0}); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, name := range []string{"web", "ops"} {
		must(r.PutTeam(ctx, admin, app.PutTeam{Team: slipway.Team{Name: name}}))(t)
	}
	for i, name := range []string{"staging", "prod", "slow", "other", "wild"} {
		must(r.PutEnvironment(ctx, admin, app.PutEnvironment{Environment: slipway.Environment{Name: name, Rank: i, Tier: slipway.TierStaging}}))(t)
	}
	for _, role := range []slipway.Role{slipway.RoleViewer, slipway.RoleDeveloper, slipway.RoleApprover, slipway.RoleMaintainer} {
		r.bind(string(role), role, "web")
	}
	r.bind("foreign", slipway.RoleMaintainer, "ops")
	for _, role := range roles[1:] {
		r.tokens[role], _ = r.token(role, app.CreateToken{Name: "main"})
		_, r.spare[role] = r.token(role, app.CreateToken{Name: "spare"})
	}
	must(r.RegisterService(ctx, admin, app.RegisterService{Service: slipway.Service{Name: "shop", Team: "web"}}))(t)
	must(r.RegisterService(ctx, admin, app.RegisterService{Service: slipway.Service{Name: "vault", Team: "ops"}}))(t)
	must(r.ApplyPipeline(ctx, admin, app.ApplyPipeline{Pipeline: shopPipeline()}))(t)
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		if _, _, err := r.CreateRelease(ctx, admin, app.CreateRelease{Service: "shop", Version: v, Content: content(v)}); err != nil {
			t.Fatal(err)
		}
	}
	r.keep("staging", "s3cret of then", "s3cret")
	r.live("1.0.0", "staging")
	r.live("1.0.0", "prod")
	r.live("1.1.0", "staging")
	r.drive(r.promote("developer", "1.1.0", "prod"))
	slow := r.promote("developer", "1.0.0", "slow")
	for range 4 {
		_, err := r.engine.Step(ctx, slow)
		ok(t, err)
	}
	gone := r.promote("developer", "1.0.0", "other")
	must(r.Cancel(ctx, admin, app.Control{Deployment: gone}))(t)
	must(r.AddCalendar(ctx, admin, app.AddCalendar{Environment: "other", Name: "Christmas", Reason: "rest", Rule: "DTSTART:20251224T000000\nRRULE:FREQ=YEARLY",
		Duration: slipway.Duration(72 * time.Hour), Zone: "Europe/Stockholm"}))(t)
	must(r.AddFreeze(ctx, admin, app.AddFreeze{Environment: "other", Reason: "holidays", From: r.clock().Add(240 * time.Hour), Until: r.clock().Add(480 * time.Hour)}))(t)
	must(r.PromoteSet(ctx, actor("developer"), app.PromoteSet{Name: "Checkout 6", Environment: "other", Items: []app.SetItem{{Service: "shop", Version: "1.1.0"}}}))(t)
	hook := slipway.Destination{Channel: slipway.ToWebhook, Address: "https://hooks.example.com/web?key=hidden"}
	_, _, err := r.AddNotificationRoute(ctx, admin, app.AddNotificationRoute{Name: "Web", Team: "web", To: hook})
	ok(t, err)
	told := must(r.TestNotificationRoute(ctx, admin, app.TestNotificationRoute{Route: 1}))(t)
	ok(t, r.store.Write(ctx, func(tx slipway.Tx) error {
		told.State = slipway.DeliveryFailed
		return tx.Deliveries().Save(ctx, told)
	}))
	r.keep("staging", "s3cret", "s3cret, too")
	r.keep("prod", "s3cret")
	must(r.AddTrustRule(ctx, admin, app.AddTrustRule{Rule: slipway.TrustRule{Name: "nightly", Kind: slipway.TrustOIDC, Issuer: "https://ci.example.com", Audience: "https://slipway.example.com",
		Claims: map[string]string{"sub": "job"}, Scope: slipway.Scope{Kind: slipway.ScopeService, Name: "shop"}, Permissions: []slipway.Permission{slipway.ReleaseCreate}}}))(t)
	ok(t, r.store.Write(ctx, func(tx slipway.Tx) error {
		return tx.Logs().Append(ctx, 1, []slipway.LogLine{{At: t0, Source: "shop-1", Stream: "stdout", Text: "hello"}}, "c1")
	}))
}

// keep gives a key of shop one value after the other.
func (r *rig) keep(environment string, values ...string) {
	for _, value := range values {
		key := slipway.NewSecret(value)
		must(r.SetSecrets(r.t.Context(), actor("admin"), app.SetSecrets{Service: "shop", Environment: environment, Changes: map[string]*slipway.Secret{"KEY": &key}}))(r.t)
	}
}

func shopPipeline() slipway.Pipeline {
	at := func(environment, deployer, config string, after ...string) slipway.Stage {
		return slipway.Stage{Environment: environment, After: after, Strategy: slipway.Strategy{Type: slipway.StrategyRecreate},
			Deployer: slipway.DeployerRef{Name: deployer, Config: []byte(config)}}
	}
	prod := at("prod", "fake", `{"replicas":2}`, "staging")
	prod.Gates = []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Groups: []string{"leads"}}}}
	prod.SecretsBy = &slipway.ApprovalGate{Count: 1, SelfApproval: true}
	staging := at("staging", "fake", `{"replicas":1}`)
	staging.Secrets = []string{"KEY"}
	return slipway.Pipeline{Service: "shop", Stages: []slipway.Stage{staging, prod,
		at("slow", "fake", `{"replicas":1,"scripts":{"1.0.0":{"readyAfter":1000}}}`), at("other", "fake", `{}`), at("wild", "broken", `{}`)}}
}

func content(config string) slipway.ReleaseContent {
	return slipway.ReleaseContent{Reversible: true, Config: map[string]string{"MODE": config},
		Artifacts: []slipway.Artifact{{Name: "image", Reference: "reg/app:" + config, Digest: "sha256:" + strings.Repeat("a", 64)}}}
}

func (r *rig) bind(role string, name slipway.Role, team string) {
	must(r.AddBinding(r.t.Context(), actor("admin"), app.AddBinding{Binding: slipway.Binding{
		Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: role}, Role: name, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: team}}}))(r.t)
}

func (r *rig) token(role string, c app.CreateToken) (plain, id string) {
	r.t.Helper()
	plain, c.ID, c.SecretHash = identity.MintToken()
	must(r.CreateToken(r.t.Context(), actor(role), c))(r.t)
	r.hashes = append(r.hashes, c.SecretHash)
	return plain, c.ID
}

func (r *rig) promote(role, version, environment string) int64 {
	r.t.Helper()
	return must(r.Promote(r.t.Context(), actor(role), app.Promote{Service: "shop", Version: version, Environment: environment}))(r.t).ID
}

func (r *rig) live(version, environment string) {
	r.t.Helper()
	d := r.drive(r.promote("developer", version, environment))
	if d.State == slipway.Waiting {
		must(r.Approve(r.t.Context(), actor("approver"), app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest}))(r.t)
		d = r.drive(d.ID)
	}
	if d.State != slipway.Succeeded {
		r.t.Fatalf("%s in %s ended %s: %s", version, environment, d.State, d.Message)
	}
}

// drive steps a deployment until it ends or waits for a person.
func (r *rig) drive(id int64) (d slipway.Deployment) {
	r.t.Helper()
	ctx := r.t.Context()
	for range 500 {
		next, err := r.engine.Step(ctx, id)
		ok(r.t, err)
		ok(r.t, r.store.Read(ctx, func(tx slipway.Tx) (err error) { d, err = tx.Deployments().Get(ctx, id); return err }))
		wait := next.Sub(r.clock())
		if next.IsZero() || (d.State == slipway.Waiting && len(d.Verdicts) > 0 && wait > time.Second) {
			return d
		}
		if wait > 0 {
			r.after(wait)
		}
	}
	r.t.Fatalf("deployment %d does not come to an end", id)
	return d
}
