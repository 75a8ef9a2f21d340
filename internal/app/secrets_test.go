package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const canary = "canary-51c0"

func changes(pairs ...string) map[string]*slipway.Secret {
	out := map[string]*slipway.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		s := slipway.NewSecret(canary + pairs[i+1])
		out[pairs[i]] = &s
	}
	return out
}

func (r *rig) set(actor slipway.Actor, environment string, pairs ...string) app.SecretsChanged {
	r.t.Helper()
	return must(r.SetSecrets(r.ctx, actor, app.SetSecrets{Service: "shop", Environment: environment, Changes: changes(pairs...)}))(r.t)
}

func (r *rig) cells(actor slipway.Actor) string {
	r.t.Helper()
	m := must(r.Secrets(r.ctx, actor, "shop"))(r.t)
	var out strings.Builder
	for _, key := range m.Keys {
		fmt.Fprint(&out, key)
		for _, c := range m.Environments {
			cell := c.Cells[key]
			word := "-"
			if cell.Set {
				word = "set" + cell.Alike
			}
			if c.WhyNot != "" {
				word = "?"
			}
			fmt.Fprint(&out, " ", word)
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}

func TestSecretMatrix(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "staging", "DB", "1", "KEY", "a", "ONLY", "x")
	r.set(dev, "prod", "DB", "1", "KEY", "b")
	want := "DB setA setA\nKEY setA setB\nONLY setA -\n"
	if got := r.cells(boss); got != want {
		t.Errorf("a maintainer sees\n%swant\n%s", got, want)
	}
	want = "DB set set\nKEY set set\nONLY set -\n" // or dev could find out production's by trying in staging
	if got := r.cells(dev); got != want {
		t.Errorf("a developer sees\n%swant\n%s", got, want)
	}
	if got := r.cells(viewer); got != "" {
		t.Errorf("a viewer sees\n%s", got)
	}
	if _, err := r.Secrets(r.ctx, stranger, "shop"); slipway.CodeOf(err) != slipway.CodeNotFound {
		t.Errorf("a stranger: %v", err)
	}
	diff := must(r.CompareSecrets(r.ctx, boss, "shop", "staging", "prod"))(t)
	if got := fmt.Sprint(diff); got != "[{DB same} {KEY differs} {ONLY only in staging}]" {
		t.Errorf("compared: %s", got)
	}
	if _, err := r.CompareSecrets(r.ctx, viewer, "shop", "staging", "prod"); slipway.CodeOf(err) != slipway.CodeDenied {
		t.Errorf("a viewer compares: %v", err)
	}
}

func TestWhoWasQuicker(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "prod", "KEY", "1")
	opened := 1
	r.set(boss, "prod", "OTHER", "1")
	_, err := r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "2"), Over: &opened})
	want := "Boss changed OTHER of shop in prod at 09:00:00 UTC, since you opened it at version 1. Nothing was written."
	if slipway.CodeOf(err) != slipway.CodeConflict || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("said %v\nwant %s", err, want)
	}
	if _, err := r.Secret.Secrets.Put(r.ctx, "web/shop/prod", nil, 2); err != nil {
		t.Fatal(err)
	}
	opened = 2
	_, err = r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "2"), Over: &opened})
	if err == nil || !strings.Contains(err.Error(), "outside of Slipway") {
		t.Errorf("changed elsewhere: %v", err)
	}
}

func TestVersionsOfSecrets(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	for _, value := range []string{"1", "2", "3"} {
		r.set(dev, "prod", "KEY", value)
	}
	reveal := func(actor slipway.Actor) string {
		got, err := r.RevealSecret(r.ctx, actor, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY"})
		if err != nil {
			return string(slipway.CodeOf(err))
		}
		return strings.TrimPrefix(got.Value.Reveal(), canary)
	}
	if got := reveal(boss); got != "3" {
		t.Errorf("revealed %s", got)
	}
	if got := reveal(dev); got != "denied" {
		t.Errorf("a developer reveals: %s", got)
	}
	back := must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 1}))(t)
	if got := reveal(boss); back.Version != 4 || got != "1" {
		t.Errorf("restored as version %d: %s", back.Version, got)
	}
	must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 2, Key: "KEY"}))(t)
	if got := reveal(boss); got != "2" {
		t.Errorf("one key restored: %s", got)
	}
	remove := func(actor slipway.Actor, verb app.SecretVerb, version int) error {
		_, err := r.RemoveSecrets(r.ctx, actor, app.RemoveSecrets{Service: "shop", Environment: "prod", Verb: verb, Versions: []int{version}})
		return err
	}
	ok(t, remove(dev, app.DeleteVersions, 5))
	if got := reveal(boss); got != "not_found" {
		t.Errorf("after it was deleted: %s", got)
	}
	ok(t, remove(dev, app.UndeleteVersions, 5))
	if err := remove(boss, app.DestroyVersions, 1); slipway.CodeOf(err) != slipway.CodeDenied {
		t.Errorf("a maintainer destroys: %v", err)
	}
	ok(t, remove(root, app.DestroyVersions, 1))
	if _, err := r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 1}); slipway.SecretFaultOf(err) != slipway.SecretDestroyed {
		t.Errorf("restored what was destroyed: %v", err)
	}
	list := must(r.SecretVersions(r.ctx, dev, "shop", "prod"))(t)
	var text []string
	for _, v := range list.Versions {
		by := ""
		if v.Change != nil {
			by = v.Change.Action + " by " + v.Change.ByName
		}
		text = append(text, fmt.Sprint(v.Version, " ", by, " ", v.Destroyed))
	}
	if got := strings.Join(text, "; "); got != "5 restored by Dev false; 4 restored by Dev false; 3 set by Dev false; 2 set by Dev false; 1 set by Dev true" {
		t.Errorf("versions %s", got)
	}
}

// failing is a store that is sealed, or whatever else, whenever it is asked.
type failing struct {
	slipway.SecretStore
	fault slipway.SecretFault
}

func (f failing) History(context.Context, string) (slipway.SecretHistory, error) {
	return slipway.SecretHistory{}, slipway.SecretStoreDown(f.fault, "Vault", t0, errors.New("at "+canary))
}

func TestSecretsAreInNoRecord(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "prod", "KEY", "1")
	zero := 0
	_, err := r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "2"), Over: &zero})
	if slipway.CodeOf(err) != slipway.CodeConflict {
		t.Errorf("set over nothing: %v", err)
	}
	_, err = r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes(canary+" as a key!", "2")})
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("a value in the place of a key: %v", err)
	}
	must(r.RevealSecret(r.ctx, boss, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY"}))(t)
	r.Secret.Secrets = failing{r.Secret.Secrets, slipway.SecretSealed}
	if m := must(r.Secrets(r.ctx, boss, "shop"))(t); m.Environments[1].View.Fault != slipway.SecretSealed || m.Environments[1].View.Keys[0] != "KEY" {
		t.Errorf("while it is sealed the matrix tells %+v", m.Environments[1].View)
	}
	var actions []string
	ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		entries, _, err := tx.Audit().List(r.ctx, slipway.AuditFilter{Service: "shop"}, slipway.Page{Limit: 50})
		for _, e := range entries {
			if strings.HasPrefix(e.Action, "secret.") {
				actions = append(actions, e.Action+" "+e.Summary)
			}
		}
		return err
	}))
	want := "secret.revealed reveals 1 key of shop in prod; secret.unchanged sets 1 key of shop in prod: nothing came of it (moved); secret.set sets 1 key of shop in prod; secret.set sets 1 key of shop in prod"
	if got := strings.Join(actions, "; "); got != want {
		t.Errorf("the records say\n%s\nwant\n%s", got, want)
	}
	for _, suffix := range []string{"", "-wal"} {
		if data, err := os.ReadFile(r.path + suffix); err == nil && bytes.Contains(data, []byte(canary)) {
			t.Errorf("the database%s holds a value", suffix)
		}
	}
}

func TestParseSecrets(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"lines", "# c\nA=1\n\nexport B = two words # note\nC='a # \\n b'\nD=\"x\\ny \\\"z\\\"\"\nE=\n", `A="1" B="two words" C="a # \\n b" D="x\ny \"z\"" E=""`},
		{"a value over lines", "K=\"-----BEGIN\nabc\n-----END\"\nL=1\r\n", `K="-----BEGIN\nabc\n-----END" L="1"`},
		{"JSON", `{"A": "1", "N": 5, "O": {"a": [1]}, "Z": null}`, `A="1" N="5" O="{\"a\":[1]}" Z="null"`},
		{"no line of ours", "A=1\ns3cret stuff", "line 2: it is not KEY=value."},
		{"twice", "A=1\nA=2", "line 2: A is there twice."},
		{"an open quote", "A=\"s3cret", "line 1: the value of A has a quote that is not closed."},
		{"more after a quote", "A='s' s3cret", "line 1: the value of A goes on after its closing quote."},
		{"broken JSON", `{"A": "s3cret"`, "it is no JSON object of keys and values."},
		{"two of JSON", `{"A":"1"} {"B":"s3cret"}`, "it is no JSON object of keys and values."},
		{"nothing", "", "keys: there is none."},
	}
	for _, test := range tests {
		values, err := app.ParseSecrets(test.text)
		var parts []string
		for _, key := range []string{"A", "B", "C", "D", "E", "K", "L", "N", "O", "Z"} {
			if v := values[key]; v != nil {
				parts = append(parts, fmt.Sprintf("%s=%q", key, v.Reveal()))
			}
		}
		got := strings.Join(parts, " ")
		if err != nil {
			got = err.Error()
			if strings.Contains(got, "s3cret") {
				t.Errorf("%s: the error tells of it: %s", test.name, got)
			}
		}
		if !strings.Contains(got, test.want) || (err == nil && got != test.want) {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestImportPreview(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "prod", "A", "1", "B", "1")
	got := must(r.PreviewImport(r.ctx, dev, "shop", "prod", changes("B", "2", "C", "3")))(t)
	if text := fmt.Sprint(got.Version, got.New, got.Replace, got.Keep); text != "1 [C] [B] [A]" {
		t.Errorf("preview %s", text)
	}
	must(r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("B", "2", "C", "3"), Over: &got.Version, Import: true}))(t)
	if got := r.cells(boss); got != "A - setA\nB - setA\nC - setA\n" {
		t.Errorf("afterwards\n%s", got)
	}
}
