package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) restrict(actor slipway.Actor, keys ...string) {
	r.t.Helper()
	must(r.RestrictSecrets(r.ctx, actor, app.RestrictSecrets{Service: "shop", Environment: "prod", Keys: keys}))(r.t)
}

// setAs sets KEY and says who may see it.
func (r *rig) setAs(actor slipway.Actor, value string, restricted bool) (app.SecretsChanged, error) {
	return r.SetSecrets(r.ctx, actor, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", value), Restricted: &restricted})
}

// sees is which versions of KEY the actor is shown, both ways.
func (r *rig) sees(actor slipway.Actor, versions ...int) string {
	r.t.Helper()
	var out []string
	for _, version := range versions {
		got, err := r.RevealSecret(r.ctx, actor, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY", Version: version})
		copied, copyErr := r.RevealSecret(r.ctx, actor, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY", Version: version, Copy: true})
		if got.Value != copied.Value || slipway.CodeOf(err) != slipway.CodeOf(copyErr) {
			r.t.Errorf("version %d is revealed and copied by two rules: %v, %v", version, err, copyErr)
		}
		if err != nil {
			out = append(out, string(slipway.CodeOf(err)))
			continue
		}
		out = append(out, strings.TrimPrefix(got.Value.Reveal(), canary))
	}
	return strings.Join(out, " ")
}

// Nobody sees a restricted key in any version, an admin neither; it goes on being
// set, brought back, compared and delivered. Lifting opens what is written with it.
func TestRestrictedKeys(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "prod", "KEY", "1")
	r.set(dev, "staging", "KEY", "1")
	r.set(dev, "prod", "KEY", "2", "OTHER", "2")
	if got := r.sees(root, 0, 1, 2); got != "2 1 2" {
		t.Fatalf("before it is restricted: %s", got)
	}
	r.restrict(dev, "KEY", "KEY", "LATER")
	_, err := r.RevealSecret(r.ctx, root, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY"})
	want := "KEY of shop in prod is restricted: it can be set, brought back and delivered, and nobody can see it. No value was shown, and the audit says that you asked."
	if slipway.CodeOf(err) != slipway.CodeDenied || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("said %v\nwant %s", err, want)
	}
	must(r.setAs(dev, "3", true))(t)
	r.set(dev, "prod", "KEY", "4")
	must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 1, Key: "KEY"}))(t)
	if got := r.sees(root, 0, 1, 2, 3, 4, 5); got != "denied denied denied denied denied denied" {
		t.Errorf("while it is restricted: %s", got)
	}
	if got := must(r.RevealSecret(r.ctx, boss, app.RevealSecret{Service: "shop", Environment: "prod", Key: "OTHER"}))(t); got.Value.Reveal() != canary+"2" {
		t.Error("another key is not shown")
	}
	if got := r.cells(boss); got != "KEY setA setA\nLATER - -\nOTHER - setA\n" {
		t.Errorf("compared by keyed hash\n%s", got)
	}
	column := must(r.SecretsIn(r.ctx, dev, "shop", "prod"))(t)
	if !column.Cells["KEY"].Restricted || !column.Cells["LATER"].Restricted || column.Cells["OTHER"].Restricted {
		t.Errorf("marks: %+v", column.Cells)
	}
	diff := must(r.CompareVersions(r.ctx, root, "shop", "prod", 2, 4))(t)
	if got := fmt.Sprint(diff); got != "[{KEY restricted} {OTHER same}]" {
		t.Errorf("versions compared: %s", got)
	}
	pinned := must(r.Secret.Pinned(r.ctx, slipway.Spec{SecretPath: "web/shop/prod", Secrets: map[string]int{"KEY": 4}}))(t)
	if pinned["KEY"].Reveal() != canary+"4" {
		t.Error("it is not delivered")
	}
}

func TestLiftingARestriction(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.setAs(dev, "1", true))(t)
	if _, err := r.setAs(dev, "2", false); slipway.CodeOf(err) != slipway.CodeDenied {
		t.Errorf("lifted by one who may not reveal: %v", err)
	}
	lift := false
	_, err := r.SetSecrets(r.ctx, boss, app.SetSecrets{Service: "shop", Environment: "prod", Changes: map[string]*slipway.Secret{"KEY": nil}, Restricted: &lift})
	if err == nil || !strings.Contains(err.Error(), "together with a new value only") {
		t.Errorf("lifted without a value: %v", err)
	}
	must(r.setAs(boss, "2", false))(t)
	if got := r.sees(boss, 0, 1, 2); got != "2 denied 2" {
		t.Errorf("lifted with version 2: %s", got)
	}
	_, err = r.RevealSecret(r.ctx, boss, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY", Version: 1})
	if want := "KEY of shop in prod was restricted when it got the value of version 1: nobody can see that one."; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("said %v\nwant %s", err, want)
	}
	// What comes back from then is closed again, and so is all that was open.
	must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 1}))(t)
	if got := r.sees(root, 0, 1, 2, 3); got != "denied denied denied denied" {
		t.Errorf("after version 1 was brought back: %s", got)
	}
	must(r.setAs(boss, "4", false))(t)
	r.set(dev, "prod", "OTHER", "x") // which carries the open value on
	must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 4}))(t)
	if got := r.sees(boss, 0, 3, 4, 5, 6); got != "4 denied 4 4 4" {
		t.Errorf("lifted again: %s", got)
	}
	if got := r.marksSaid(); got != "restricts 1 key of shop in prod; lifts the restriction of 1 key of shop in prod; restricts 1 key of shop in prod; lifts the restriction of 1 key of shop in prod" {
		t.Errorf("the audit says %s", got)
	}
}

// marksSaid is what the audit has of marks, oldest first.
func (r *rig) marksSaid() string {
	r.t.Helper()
	var said []string
	ok(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		entries, _, err := tx.Audit().List(r.ctx, slipway.AuditFilter{Service: "shop"}, slipway.Page{Limit: 50})
		for _, e := range slices.Backward(entries) {
			if e.Action == "secret.restricted" || e.Action == "secret.lifted" {
				said = append(said, e.Summary)
			}
		}
		return err
	}))
	return strings.Join(said, "; ")
}

func TestARefusedRevealIsAudited(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.setAs(dev, "1", true))(t)
	if got := r.sees(boss, 0); got != "denied" {
		t.Fatal(got)
	}
	var said []string
	ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		entries, _, err := tx.Audit().List(r.ctx, slipway.AuditFilter{Service: "shop"}, slipway.Page{Limit: 2})
		for _, e := range entries {
			var detail struct{ Keys []string }
			ok(t, json.Unmarshal(e.Detail, &detail))
			said = append(said, fmt.Sprint(e.Action, " ", e.Actor.Name, " ", e.Summary, " ", detail.Keys))
		}
		return err
	}))
	one := "secret.refused Boss is not shown 1 restricted key of shop in prod [KEY]"
	if got := strings.Join(said, "; "); got != one+"; "+one {
		t.Errorf("the audit says %s", got)
	}
}

// between is a store that has something happen before it answers.
type between struct {
	slipway.SecretStore
	read    func()
	patch   func()
	patched func() // once it has answered
}

func (b between) Read(ctx context.Context, path string, version int) (slipway.SecretDocument, error) {
	if b.read != nil {
		b.read()
	}
	return b.SecretStore.Read(ctx, path, version)
}

func (b between) Patch(ctx context.Context, path string, changes map[string]*slipway.Secret, over int) (int, error) {
	if b.patch != nil {
		b.patch()
	}
	version, err := b.SecretStore.Patch(ctx, path, changes, over)
	if b.patched != nil {
		b.patched()
	}
	return version, err
}

// Who asked to see a key just before it was restricted does not see what was
// written after that.
func TestRestrictedWhileItIsRevealed(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "prod", "KEY", "1")
	kept := r.Secret.Secrets
	r.Secret.Secrets = between{SecretStore: kept, read: func() {
		r.Secret.Secrets = kept
		must(r.setAs(dev, "2", true))(t)
	}}
	if _, err := r.RevealSecret(r.ctx, root, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY"}); slipway.CodeOf(err) != slipway.CodeDenied {
		t.Errorf("it is shown: %v", err)
	}
}

// A value that was on its way while the key was restricted is not opened by who
// lifts the restriction meanwhile.
func TestLiftedWhileAnotherWrites(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.setAs(dev, "1", true))(t)
	kept := r.Secret.Secrets
	var other error
	r.Secret.Secrets = between{SecretStore: kept, patch: func() {
		r.Secret.Secrets = kept
		over, err := kept.Patch(r.ctx, "web/shop/prod", changes("KEY", "2"), 1) // outside of Slipway
		ok(t, err)
		_, other = r.SetSecrets(r.ctx, boss, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "3"), Over: &over, Restricted: new(bool)})
	}}
	over := 1
	_, err := r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "9"), Over: &over})
	if slipway.CodeOf(err) != slipway.CodeConflict || other != nil {
		t.Fatalf("set over what had moved: %v; lifted: %v", err, other)
	}
	if got := r.sees(boss, 0, 1, 2, 3); got != "3 denied denied 3" {
		t.Errorf("afterwards: %s", got)
	}
	// And once more, with the other one ahead: the lifter's own version is older.
	r.restrict(dev, "KEY")
	r.Secret.Secrets = between{SecretStore: kept, patched: func() {
		r.Secret.Secrets = kept
		r.set(dev, "prod", "KEY", "5")
	}}
	if _, err := r.setAs(boss, "4", false); slipway.CodeOf(err) != slipway.CodeConflict || !strings.Contains(err.Error(), "KEY stays restricted") {
		t.Errorf("lifted while another writes: %v", err)
	}
	if got := r.sees(boss, 0, 4, 5); got != "denied denied denied" {
		t.Errorf("it is open: %s", got)
	}
}

// A change that waits for approval says what it does to who may see, and does it
// in the transaction before it is written.
func TestRestrictionsNeedApprovalToo(t *testing.T) {
	t.Parallel()
	r := guarded(t, slipway.ApprovalGate{Count: 1})
	approved := func(by slipway.Actor, asked app.SecretsChanged, err error) slipway.SecretProposal {
		t.Helper()
		ok(t, err)
		p := r.proposed(asked.Proposal)
		ok(t, r.approves(by, asked.Proposal))
		return p.SecretProposal
	}
	asked, err := r.setAs(dev, "2", true)
	if p := approved(lead, asked, err); fmt.Sprint(p.Restricts, p.Lifts) != "[KEY] []" {
		t.Errorf("it is said to restrict %v and lift %v", p.Restricts, p.Lifts)
	}
	if got := r.sees(root, 0, 1, 2); got != "denied denied denied" {
		t.Errorf("restricted: %s", got)
	}
	asked, err = r.setAs(boss, "3", false)
	if p := approved(lead, asked, err); fmt.Sprint(p.Restricts, p.Lifts) != "[] [KEY]" {
		t.Errorf("it is said to restrict %v and lift %v", p.Restricts, p.Lifts)
	}
	if got := r.sees(root, 0, 2, 3); got != "3 denied 3" {
		t.Errorf("lifted: %s", got)
	}
	asked, err = r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 2})
	if p := approved(lead, asked, err); fmt.Sprint(p.Restricts) != "[KEY]" {
		t.Errorf("it is said to restrict %v", p.Restricts)
	}
	if got := r.sees(root, 0, 2, 3, 4); got != "denied denied denied denied" {
		t.Errorf("brought back: %s", got)
	}
	asked, err = r.setAs(boss, "5", false)
	ok(t, err)
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		bindings, err := tx.Bindings().List(r.ctx)
		for _, b := range bindings {
			if b.Subject.Name == boss.ID && err == nil {
				err = tx.Bindings().Remove(r.ctx, b.ID)
			}
		}
		return err
	}))
	r.bind(boss, slipway.RoleDeveloper, "web") // who may still write
	ok(t, r.approves(lead, asked.Proposal))
	if p := r.proposed(asked.Proposal); p.State != slipway.ProposalVoid || r.sees(root, 0) != "denied" {
		t.Errorf("lifted for one who may not reveal any more: %s, %s", p.State, p.Message)
	}
}
