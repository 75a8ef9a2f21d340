package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// guarded has changes of shop's secrets in prod approved by count people.
func guarded(t *testing.T, rule slipway.ApprovalGate) *rig {
	t.Helper()
	r := furnished(t)
	r.set(dev, "prod", "KEY", "1", "OTHER", "x")
	must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline("shop", func(s *slipway.Stage) { s.SecretsBy = &rule })}))(t)
	return r
}

func (r *rig) proposed(id int64) app.ProposalView {
	r.t.Helper()
	return must(r.SecretProposal(r.ctx, root, id))(r.t)
}

func (r *rig) approves(actor slipway.Actor, id int64) error {
	r.t.Helper()
	_, err := r.ApproveSecrets(r.ctx, actor, app.DecideSecrets{Proposal: id, Digest: r.proposed(id).Digest})
	return err
}

func (r *rig) value(environment, key string) string {
	r.t.Helper()
	got, err := r.RevealSecret(r.ctx, root, app.RevealSecret{Service: "shop", Environment: environment, Key: key})
	if err != nil {
		return string(slipway.CodeOf(err))
	}
	return strings.TrimPrefix(got.Value.Reveal(), canary)
}

func TestAChangeWaitsForItsApprovals(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 2})
	asked := r.set(dev, "prod", "KEY", "2")
	if asked.Proposal == 0 || asked.Version != 0 || r.value("prod", "KEY") != "1" {
		t.Fatalf("it was written at once: %+v", asked)
	}
	if n := must(r.InboxCount(r.ctx, lead))(t); n != 1 {
		t.Errorf("%d wait for lead", n)
	}
	if in := must(r.Inbox(r.ctx, lead))(t); len(in.Secrets) != 1 || fmt.Sprint(in.Secrets[0].Keys) != "[KEY]" {
		t.Errorf("lead's inbox has %+v", in.Secrets)
	}
	if n := must(r.InboxCount(r.ctx, dev))(t); n != 0 {
		t.Errorf("%d wait for dev, who may not approve", n)
	}
	ok(t, r.approves(lead, asked.Proposal))
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalPending || p.Verdict.Have != 1 || r.value("prod", "KEY") != "1" {
		t.Errorf("after one of two: %s, %d", p.State, p.Verdict.Have)
	}
	if err := r.approves(lead, asked.Proposal); err == nil || !strings.Contains(err.Error(), "you have approved it already") {
		t.Errorf("the same again: %v", err)
	}
	ok(t, r.approves(second, asked.Proposal))
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalApplied || p.Version != 2 || r.value("prod", "KEY") != "2" || r.value("prod", "OTHER") != "x" {
		t.Errorf("after two of two: %s: %s", p.State, p.Message)
	}
	list := must(r.SecretVersions(r.ctx, dev, "shop", "prod"))(t)
	if c := list.Versions[0].Change; c == nil || c.ByName != "Dev" || c.Action != "set" {
		t.Errorf("version 2 was made by %+v", c)
	}
	for _, suffix := range []string{"", "-wal"} {
		if data, err := os.ReadFile(r.path + suffix); err == nil && bytes.Contains(data, []byte(canary)) {
			t.Errorf("the database%s holds a value", suffix)
		}
	}
	if _, err := r.Secret.Drafts.Read(r.ctx, r.proposed(asked.Proposal).Draft, 1); slipway.SecretFaultOf(err) != slipway.SecretDestroyed {
		t.Errorf("its draft is kept: %v", err)
	}
}

func TestWhoApprovesAChange(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 1, Groups: []string{"leads"}})
	asked := r.set(boss, "prod", "KEY", "2") // who may approve as well
	for _, test := range []struct {
		by   slipway.Actor
		want string
	}{
		{boss, "who asks for a change does not approve it"}, {dev, "deployment.approve"}, {viewer, "secret.list"},
	} {
		if err := r.approves(test.by, asked.Proposal); slipway.CodeOf(err) != slipway.CodeDenied || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.by.Name, err)
		}
	}
	if _, err := r.ApproveSecrets(r.ctx, lead, app.DecideSecrets{Proposal: asked.Proposal, Digest: "sha256:00"}); slipway.CodeOf(err) != slipway.CodeConflict {
		t.Errorf("another digest: %v", err)
	}
	if _, err := r.ApproveSecrets(r.ctx, lead, app.DecideSecrets{Proposal: asked.Proposal}); slipway.CodeOf(err) != slipway.CodeInvalid {
		t.Errorf("no digest: %v", err)
	}
	if _, err := r.WithdrawSecrets(r.ctx, dev, app.DecideSecrets{Proposal: asked.Proposal}); slipway.CodeOf(err) != slipway.CodeDenied {
		t.Errorf("another takes it back: %v", err)
	}
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalPending || len(p.Votes) != 0 || r.value("prod", "KEY") != "1" {
		t.Errorf("something came of it: %+v", p)
	}
	must(r.RejectSecrets(r.ctx, lead, app.DecideSecrets{Proposal: asked.Proposal, Comment: "not today"}))(t)
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalRejected || p.Message != "Rejected by Lead: not today" || r.value("prod", "KEY") != "1" {
		t.Errorf("rejected: %s: %s", p.State, p.Message)
	}
	if err := r.approves(lead, asked.Proposal); slipway.CodeOf(err) != slipway.CodeConflict {
		t.Errorf("approved after all: %v", err)
	}
}

// Whatever changes meanwhile ends a change that was approved for something else.
func TestAChangeThatNoLongerFitsIsVoid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		meanwhile func(*rig)
		state     slipway.ProposalState
		message   string
	}{
		"another version came": {func(r *rig) {
			must(r.Secret.Secrets.Put(r.ctx, "web/shop/prod", map[string]slipway.Secret{"KEY": slipway.NewSecret("9")}, 1))(r.t)
		}, slipway.ProposalVoid, "The secrets were changed since it was asked for."},
		"nobody answered": {func(r *rig) { r.after(49 * time.Hour) }, slipway.ProposalExpired, "Nobody decided in time."},
		"who asked has no more": {func(r *rig) {
			ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
				held, err := tx.Bindings().For(r.ctx, dev)
				for _, b := range held {
					err = errors.Join(err, tx.Bindings().Remove(r.ctx, b.ID))
				}
				return err
			}))
		}, slipway.ProposalVoid, "Dev has no secret.write there any more."},
		"its values are gone": {func(r *rig) {
			ok(r.t, r.Secret.Drafts.Destroy(r.ctx, r.proposed(1).Draft, []int{1}))
		}, slipway.ProposalVoid, "Its values are not what was approved, or gone."},
		"its values are others": {func(r *rig) {
			p := r.proposed(1).SecretProposal
			p.Draft = "slipway:draft/other"
			must(r.Secret.Drafts.Put(r.ctx, p.Draft, map[string]slipway.Secret{"KEY": slipway.NewSecret("evil"), "": slipway.NewSecret("00")}, 0))(r.t)
			ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error { return of(tx.Proposals().Save(r.ctx, p)) }))
		}, slipway.ProposalVoid, "Its values are not what was approved, or gone."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := guarded(t, slipway.ApprovalGate{Count: 1, Expires: slipway.Duration(48 * time.Hour)})
			asked := r.set(dev, "prod", "KEY", "2")
			test.meanwhile(r)
			before := r.value("prod", "KEY")
			_ = r.approves(lead, asked.Proposal) // refused, or void by then
			ok(t, r.SettleSecrets(r.ctx))
			if p := r.proposed(asked.Proposal); p.State != test.state || p.Message != test.message {
				t.Errorf("it is %s: %s", p.State, p.Message)
			}
			if after := r.value("prod", "KEY"); after != before {
				t.Errorf("%s became %s", before, after)
			}
		})
	}
}

func TestAnApprovedChangeWaitsForTheStore(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 1})
	asked := r.set(dev, "prod", "KEY", "2")
	there := r.Secret.Secrets
	r.Secret.Secrets = away{there}
	ok(t, r.approves(lead, asked.Proposal))
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalApproved {
		t.Fatalf("while it is away: %s: %s", p.State, p.Message)
	}
	ok(t, r.SettleSecrets(r.ctx))
	r.Secret.Secrets = there
	ok(t, r.SettleSecrets(r.ctx))
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalApplied || r.value("prod", "KEY") != "2" {
		t.Errorf("once it is back: %s: %s", p.State, p.Message)
	}
}

// A crash between the store and our own record is found out about.
func TestAChangeThatWasMadeIsNotVoid(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 1})
	asked := r.set(dev, "prod", "KEY", "2")
	there := r.Secret.Secrets
	r.Secret.Secrets = forgetful{there}
	ok(t, r.approves(lead, asked.Proposal))
	r.Secret.Secrets = there
	ok(t, r.SettleSecrets(r.ctx))
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalApplied || p.Version != 2 || r.value("prod", "OTHER") != "x" {
		t.Errorf("afterwards it is %s: %s", p.State, p.Message)
	}
}

func TestRestoringNeedsApprovalToo(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 1})
	ok(t, r.approves(lead, r.set(dev, "prod", "KEY", "2", "NEW", "3").Proposal))
	asked := must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Once: app.Once{Key: "k"}, Service: "shop", Environment: "prod", Version: 1}))(t)
	again := must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Once: app.Once{Key: "k"}, Service: "shop", Environment: "prod", Version: 1}))(t)
	if asked.Proposal == 0 || again.Proposal != asked.Proposal || r.value("prod", "KEY") != "2" {
		t.Fatalf("asked %+v, and again %+v", asked, again)
	}
	ok(t, r.approves(lead, asked.Proposal))
	if r.value("prod", "KEY") != "1" || r.value("prod", "NEW") != "not_found" {
		t.Errorf("afterwards KEY is %s, and NEW %s", r.value("prod", "KEY"), r.value("prod", "NEW"))
	}
}

func TestWithoutAKeyNothingIsProposed(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 1})
	r.Secret.Drafts = nil
	_, err := r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "2")})
	if slipway.CodeOf(err) != slipway.CodeUnavailable || !strings.Contains(err.Error(), "SLIPWAY_SECRET_KEY") {
		t.Errorf("said %v", err)
	}
}

// away answers reads and takes no write.
type away struct{ slipway.SecretStore }

func (away) Patch(context.Context, string, map[string]*slipway.Secret, int) (int, error) {
	return 0, slipway.SecretStoreDown(slipway.SecretSealed, "Vault", t0, nil)
}

// forgetful takes a write, and its answer is lost.
type forgetful struct{ slipway.SecretStore }

func (f forgetful) Patch(ctx context.Context, path string, changes map[string]*slipway.Secret, over int) (int, error) {
	if _, err := f.SecretStore.Patch(ctx, path, changes, over); err != nil {
		return 0, err
	}
	return 0, slipway.SecretStoreDown(slipway.SecretAway, "Vault", t0, nil)
}

// Taking versions away, or bringing them back, is a change like any other.
func TestRemovingVersionsNeedsApprovalToo(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 1})
	ok(t, r.approves(lead, r.set(dev, "prod", "KEY", "2").Proposal))
	is := func() string {
		t.Helper()
		var all []string
		for _, v := range must(r.SecretVersions(r.ctx, root, "shop", "prod"))(t).Versions {
			all = append(all, fmt.Sprintf("%d deleted %t destroyed %t", v.Version, v.DeletedAt != nil, v.Destroyed))
		}
		return strings.Join(all, ", ")
	}
	const there, gone = "2 deleted false destroyed false, 1 deleted false destroyed false", "2 deleted false destroyed false, 1 deleted true destroyed false"
	before := there
	for _, step := range []struct {
		verb        app.SecretVerb
		by          slipway.Actor
		after, said string
	}{
		{app.DeleteVersions, dev, gone, "deletes version 1 of the secrets of shop in prod, approved by Lead"},
		{app.UndeleteVersions, dev, there, "undeletes version 1 of the secrets of shop in prod, approved by Lead"},
		{app.DestroyVersions, root, "2 deleted false destroyed false, 1 deleted false destroyed true", "destroys version 1 of the secrets of shop in prod, approved by Lead"},
	} {
		c := app.RemoveSecrets{Once: app.Once{Key: string(step.verb)}, Service: "shop", Environment: "prod", Verb: step.verb, Versions: []int{1}}
		asked := must(r.RemoveSecrets(r.ctx, step.by, c))(t)
		again := must(r.RemoveSecrets(r.ctx, step.by, c))(t)
		if asked.Proposal == 0 || again.Proposal != asked.Proposal || is() != before {
			t.Fatalf("%s: asked %+v, and again %+v: %s", step.verb, asked, again, is())
		}
		if in := must(r.Inbox(r.ctx, lead))(t); len(in.Secrets) != 1 || fmt.Sprint(in.Secrets[0].Verb, in.Secrets[0].Versions) != string(step.verb)+"s[1]" {
			t.Errorf("%s: lead's inbox has %+v", step.verb, in.Secrets)
		}
		ok(t, r.approves(lead, asked.Proposal))
		if p := r.proposed(asked.Proposal); p.State != slipway.ProposalApplied || p.Message != "It is done." || p.Version != 0 || is() != step.after {
			t.Errorf("%s: %s: %s: %s", step.verb, p.State, p.Message, is())
		}
		if e := r.audit(1)[0]; e.Summary != step.said {
			t.Errorf("%s: the audit says %q", step.verb, e.Summary)
		}
		before = step.after
	}
	if got := r.value("prod", "KEY"); got != "2" {
		t.Errorf("KEY is %s", got)
	}
	_, err := r.RemoveSecrets(r.ctx, dev, app.RemoveSecrets{Service: "shop", Environment: "prod", Verb: app.DeleteVersions, Versions: []int{2, 7}})
	if slipway.CodeOf(err) != slipway.CodeNotFound {
		t.Errorf("people would be asked about version 7: %v", err)
	}
}

// What was to be taken away when it was asked for may be in use by then, and who
// asked may not be allowed to any more.
func TestARemovalThatNoLongerFitsIsVoid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		verb      app.SecretVerb
		meanwhile func(*rig)
		message   string
	}{
		"it runs": {app.DestroyVersions, func(r *rig) {
			ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
				return tx.Stages().Put(r.ctx, slipway.StageState{Service: "shop", Environment: "prod", Live: &slipway.Live{Spec: slipway.Spec{Version: "1.0.0", Secrets: map[string]int{"KEY": 1}}}})
			}))
		}, "Version 1 is what shop in prod runs with."},
		"a newer one came": {app.DeleteVersions, func(r *rig) {
			must(r.Secret.Secrets.Put(r.ctx, "web/shop/prod", map[string]slipway.Secret{"KEY": slipway.NewSecret("9")}, 2))(r.t)
			ok(r.t, r.SettleSecrets(r.ctx))
		}, "The secrets were changed since it was asked for."},
		"other versions": {app.DeleteVersions, func(r *rig) {
			p := r.proposed(2).SecretProposal
			p.Versions = []int{2}
			ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error { return of(tx.Proposals().Save(r.ctx, p)) }))
		}, "Its values are not what was approved, or gone."},
		"another verb": {app.DeleteVersions, func(r *rig) {
			p := r.proposed(2).SecretProposal
			p.Action = "destroyed"
			ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error { return of(tx.Proposals().Save(r.ctx, p)) }))
		}, "Its values are not what was approved, or gone."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := guarded(t, slipway.ApprovalGate{Count: 1, Expires: slipway.Duration(48 * time.Hour)})
			ok(t, r.approves(lead, r.set(dev, "prod", "KEY", "2").Proposal))
			asked := must(r.RemoveSecrets(r.ctx, root, app.RemoveSecrets{Service: "shop", Environment: "prod", Verb: test.verb, Versions: []int{1}}))(t)
			test.meanwhile(r)
			_ = r.approves(lead, asked.Proposal) // refused, or void by then
			if p := r.proposed(asked.Proposal); p.State != slipway.ProposalVoid || p.Message != test.message {
				t.Errorf("it is %s: %s", p.State, p.Message)
			}
			h := must(r.Secret.Secrets.History(r.ctx, "web/shop/prod"))(t)
			for _, v := range h.Versions {
				if v.DeletedAt != nil || v.Destroyed {
					t.Errorf("version %d was taken away", v.Version)
				}
			}
		})
	}
}
