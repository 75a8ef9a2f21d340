package slipway_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func gitHubRule(change ...func(*slipway.TrustRule)) slipway.TrustRule {
	r := slipway.TrustRule{ID: 7, Name: "releases", Kind: slipway.TrustGitHub, Issuer: "https://token.actions.githubusercontent.com", Audience: "https://slipway.example.com",
		Claims: map[string]string{"repository_id": "74", "repository_owner_id": "65"}, Scope: slipway.Scope{Kind: slipway.ScopeService, Name: "billing"},
		Permissions: []slipway.Permission{slipway.ServiceRead, slipway.ReleaseCreate}, Lifetime: slipway.Duration(15 * time.Minute)}
	for _, f := range change {
		f(&r)
	}
	return r
}

func claim(name, value string) func(*slipway.TrustRule) {
	return func(r *slipway.TrustRule) { r.Claims[name] = value }
}

func TestTrustRulesAreChecked(t *testing.T) {
	t.Parallel()
	other := func(kind slipway.TrustKind, claims map[string]string) func(*slipway.TrustRule) {
		return func(r *slipway.TrustRule) { r.Kind, r.Issuer, r.Claims = kind, "https://ci.example.com", claims }
	}
	lives := func(d time.Duration) func(*slipway.TrustRule) {
		return func(r *slipway.TrustRule) { r.Lifetime = slipway.Duration(d) }
	}
	for name, c := range map[string]struct {
		change func(*slipway.TrustRule)
		field  string // "" = fine
	}{
		"as it is":                {func(*slipway.TrustRule) {}, ""},
		"of an Enterprise Server": {func(r *slipway.TrustRule) { r.Issuer = "https://git.example.com/_services/token" }, ""},
		"narrowed":                {claim("ref", "refs/heads/main"), ""},
		"GitLab":                  {other(slipway.TrustGitLab, map[string]string{"project_id": "1", "namespace_id": "2", "ref_protected": "true"}), ""},
		"any issuer":              {other(slipway.TrustOIDC, map[string]string{"sub": "pipeline 5"}), ""},
		"another immutable claim": {func(r *slipway.TrustRule) {
			other(slipway.TrustOIDC, map[string]string{"oid": "x"})(r)
			r.Immutable = "oid"
		}, ""},
		"no audience":                 {func(r *slipway.TrustRule) { r.Audience = "" }, "audience"},
		"GitHub's own audience":       {func(r *slipway.TrustRule) { r.Audience = "https://github.com/acme" }, "audience"},
		"no name":                     {func(r *slipway.TrustRule) { r.Name = "" }, "name"},
		"no owner":                    {func(r *slipway.TrustRule) { delete(r.Claims, "repository_owner_id") }, "claims.repository_owner_id"},
		"a repository by its name":    {claim("repository", "acme/billing"), "claims.repository"},
		"a repository by its subject": {claim("sub", "repo:acme/billing:ref:refs/heads/main"), "claims.sub"},
		"a name for an ID":            {claim("repository_id", "billing"), "claims.repository_id"},
		"a wildcard":                  {claim("ref", "refs/heads/*"), "claims.ref"},
		"an audience among claims":    {claim("aud", "x"), "claims.aud"},
		"pull requests":               {claim("event_name", "pull_request_target"), "claims.event_name"},
		"merge requests":              {other(slipway.TrustGitLab, map[string]string{"project_id": "1", "namespace_id": "2", "pipeline_source": "merge_request_event"}), "claims.pipeline_source"},
		"GitLab without IDs":          {other(slipway.TrustGitLab, map[string]string{"project_path": "acme/billing"}), "claims.project_id"},
		"any issuer, no subject":      {other(slipway.TrustOIDC, map[string]string{"ref": "main"}), "claims.sub"},
		"GitHub in disguise":          {func(r *slipway.TrustRule) { r.Kind, r.Claims = slipway.TrustOIDC, map[string]string{"sub": "repo:a/b"} }, "issuer"},
		"another's issuer as GitHub":  {func(r *slipway.TrustRule) { r.Issuer = "https://evil.example.com" }, "issuer"},
		"an issuer with a query":      {func(r *slipway.TrustRule) { r.Issuer += "?x=1" }, "issuer"},
		"no address":                  {func(r *slipway.TrustRule) { r.Issuer = "file:///etc/passwd" }, "issuer"},
		"no such kind":                {other("jenkins", map[string]string{"sub": "x"}), "kind"},
		"immutable on GitHub":         {func(r *slipway.TrustRule) { r.Immutable = "sub" }, "immutable"},
		"the whole organisation":      {func(r *slipway.TrustRule) { r.Scope = slipway.Scope{Kind: slipway.ScopeOrganisation} }, "scope.kind"},
		"approving":                   {func(r *slipway.TrustRule) { r.Permissions = append(r.Permissions, slipway.DeploymentApprove) }, "permissions"},
		"nothing":                     {func(r *slipway.TrustRule) { r.Permissions = nil }, "permissions"},
		"too long":                    {lives(time.Hour + time.Second), "lifetime"},
		"not at all":                  {lives(0), "lifetime"},
	} {
		faults := gitHubRule(c.change).Faults()
		if c.field == "" && len(faults) > 0 || c.field != "" && (len(faults) == 0 || faults[0].Field != c.field) {
			t.Errorf("%s: %v, want a fault of %q", name, faults, c.field)
		}
	}
}

func gitHubClaims(change ...string) map[string]string {
	claims := map[string]string{"sub": "repo:acme/billing:ref:refs/heads/main", "repository": "acme/billing", "repository_id": "74", "repository_owner": "acme", "repository_owner_id": "65",
		"ref": "refs/heads/main", "event_name": "push", "run_id": "123"}
	for i := 0; i < len(change); i += 2 {
		if claims[change[i]] = change[i+1]; change[i+1] == "" {
			delete(claims, change[i])
		}
	}
	return claims
}

func TestWhatATrustRuleTakes(t *testing.T) {
	t.Parallel()
	onMain := gitHubRule(claim("ref", "refs/heads/main"))
	for name, c := range map[string]struct {
		claims map[string]string
		why    string // "" = taken
	}{
		"the job":                      {gitHubClaims(), ""},
		"renamed":                      {gitHubClaims("repository", "umbrella/invoices", "sub", "repo:umbrella/invoices:ref:refs/heads/main"), ""},
		"the subject of 2026":          {gitHubClaims("sub", "repo:acme@65/billing@74:ref:refs/heads/main"), ""},
		"another repository":           {gitHubClaims("repository_id", "75"), `its repository_id is "75"`},
		"another owner, the same name": {gitHubClaims("repository_owner_id", "66"), `its repository_owner_id is "66"`},
		"a look-alike subject":         {gitHubClaims("repository_id", "9", "repository_owner_id", "8"), "its repository_id"},
		"a branch that begins alike":   {gitHubClaims("ref", "refs/heads/main-evil"), "its ref"},
		"no branch":                    {gitHubClaims("ref", ""), "it has no ref"},
		"a pull request":               {gitHubClaims("event_name", "pull_request"), "only proposed"},
		"a pull request's target":      {gitHubClaims("event_name", "pull_request_target"), "only proposed"},
		"a pull request by subject":    {gitHubClaims("sub", "repo:acme/billing:pull_request"), "pull request"},
		"no event":                     {gitHubClaims("event_name", ""), "pull request"},
	} {
		if why := onMain.Refuses(c.claims); (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %q, want %q", name, why, c.why)
		}
	}
}

// TestTrustIsEquality: whatever a token says beside, it is taken if and only if
// each claim of the rule is there to the letter.
func TestTrustIsEquality(t *testing.T) {
	t.Parallel()
	text := rapid.SampledFrom([]string{"", "7", "74", "740", "074", "74 ", "main", "refs/heads/main"})
	rapid.Check(t, func(t *rapid.T) {
		r := gitHubRule(claim("ref", "refs/heads/main"))
		claims := gitHubClaims()
		maps.Copy(claims, rapid.MapOf(rapid.SampledFrom([]string{"repository_id", "repository_owner_id", "ref", "other"}), text).Draw(t, "claims"))
		same := true
		for name, want := range r.Claims {
			same = same && claims[name] == want
		}
		if taken := r.Refuses(claims) == ""; taken != same {
			t.Fatalf("taken: %v, and the claims are %v", taken, claims)
		}
	})
}

func TestTrustAccounts(t *testing.T) {
	t.Parallel()
	r := gitHubRule()
	if id, ok := slipway.TrustOf(r.Account()); !ok || id != 7 {
		t.Errorf("the account %s is of rule %d, %v", r.Account(), id, ok)
	}
	for _, other := range []string{"", "ci", "ci-7", "ci:", "ci:x", "ci:-7", "ci:0", "u-7"} {
		if _, ok := slipway.TrustOf(other); ok {
			t.Errorf("%q is taken for the account of a rule", other)
		}
	}
	if slipway.CheckName(r.Account()) == "" {
		t.Error("anybody may call a service account like a rule's")
	}
	if name := r.TrustName(gitHubClaims()); name != "ci:github:acme/billing run 123" {
		t.Errorf("the job is called %q", name)
	}
	if seen := slipway.TrustEvidence(gitHubClaims("sha", "abc", "secret", "x")); seen["sha"] != "abc" || seen["secret"] != "" {
		t.Errorf("the audit remembers %v", seen)
	}
}

func TestDeviceCodes(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"BCDF-GHJK": "BCDFGHJK", "bcdf ghjk": "BCDFGHJK", "BCDFGHJ": "", "BCDF-GHJA": "", "BCDF-GHJKL": "", "": ""} {
		if got := slipway.ReadDeviceCode(typed); got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
	if got := slipway.ShownDeviceCode("BCDFGHJK"); got != "BCDF-GHJK" {
		t.Error(got)
	}
}
