package slipway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TrustKind says whose tokens a trust rule takes, and with that which of their
// claims stay with one repository for ever.
type TrustKind string

// The kinds of trust rule.
const (
	TrustGitHub TrustKind = "github" // GitHub Actions, and those of GitHub Enterprise Server
	TrustGitLab TrustKind = "gitlab" // ID tokens of GitLab CI/CD
	TrustOIDC   TrustKind = "oidc"   // any other OpenID issuer
)

// TrustRule lets the jobs of one repository in without a key: a token of its
// CI system that says exactly what the rule wants is exchanged for a short-lived
// one of ours. Rules are never changed; another one takes their place.
type TrustRule struct {
	ID           int64             `json:"id"`
	Name         string            `json:"name"`
	Kind         TrustKind         `json:"kind"`
	Issuer       string            `json:"issuer"`   // exactly as tokens name it
	Audience     string            `json:"audience"` // that tokens have to be for
	Claims       map[string]string `json:"claims"`   // each equal, to the letter
	Immutable    string            `json:"immutable,omitempty"`
	Scope        Scope             `json:"scope"` // a team or a service
	Permissions  []Permission      `json:"permissions"`
	Environments []string          `json:"environments,omitempty"` // of what is done to stages; empty: all
	Lifetime     Duration          `json:"lifetime"`
	By           string            `json:"by"`
	CreatedAt    time.Time         `json:"createdAt"`
}

// Lifetimes of the tokens that rules give.
const (
	DefaultTrustLifetime = 15 * time.Minute
	minTrustLifetime     = time.Minute
	maxTrustLifetime     = time.Hour
)

// Bounds of a rule's texts.
const (
	maxTrustText  = 300
	maxTrustClaim = 12
)

// TrustUse is one token of a CI system. Each opens the door once.
type TrustUse struct {
	Key   string // made of the issuer and of what the issuer calls the token
	Until time.Time
}

// TrustBook keeps trust rules and which tokens were used.
type TrustBook interface {
	List(ctx context.Context) ([]TrustRule, error) // by ID
	Get(ctx context.Context, id int64) (TrustRule, error)
	Of(ctx context.Context, issuer string) ([]TrustRule, error) // by ID
	Add(ctx context.Context, r TrustRule) (TrustRule, error)    // an ID is never given twice
	// Remove takes the rule away and ends the tokens that it gave.
	Remove(ctx context.Context, id int64, at time.Time) error
	// Use is a CodeConflict for what was used before, by whichever replica. It
	// forgets what can be used no more, and tokens that ended long ago.
	Use(ctx context.Context, u TrustUse, now time.Time) error
}

// trustAccount begins the IDs of the accounts that rules speak for. No name of
// a service account may hold a colon, so nobody makes a token of one by hand.
const trustAccount = "ci:"

// Account is the service account that the rule's tokens belong to.
func (r TrustRule) Account() string { return trustAccount + strconv.FormatInt(r.ID, 10) }

// TrustOf says by which rule an account acts; false if it is no such account.
func TrustOf(account string) (id int64, ok bool) {
	text, ok := strings.CutPrefix(account, trustAccount)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0
}

// Binding is all that the rule's account may do.
func (r TrustRule) Binding() Binding {
	return Binding{Subject: Subject{Kind: SubjectServiceAccount, Name: r.Account()}, Role: RoleMaintainer, Scope: r.Scope,
		Only: &Only{Permissions: r.Permissions, Environments: r.Environments}, Source: "trust rule " + strconv.FormatInt(r.ID, 10)}
}

// TrustPermissions lists what a rule may give. Deciding on gates, going around
// them, access and secrets are for people.
func TrustPermissions() []Permission {
	return []Permission{ServiceRead, ReleaseCreate, ReleaseBlock, PipelineApply, DeploymentPromote, DeploymentRollback, DeploymentControl}
}

// OfStages reports whether a permission is about a service in an environment,
// and so is narrowed by a list of environments.
func (p Permission) OfStages() bool {
	switch p {
	case DeploymentPromote, DeploymentApprove, DeploymentRollback, DeploymentControl, GateBypass, HoldLift, SecretList, SecretWrite, SecretReveal, SecretDestroy:
		return true
	default:
		return false
	}
}

// trustClaims says which claims of a kind name the same thing for ever, and
// which others may be wanted beside them. Names of repositories, groups and
// people are in neither: they change hands.
func trustClaims(kind TrustKind) (immutable, beside []string) {
	switch kind {
	case TrustGitHub:
		return []string{"repository_id", "repository_owner_id"}, []string{"ref", "ref_type", "ref_protected", "environment", "event_name", "job_workflow_ref", "job_workflow_sha",
			"workflow_ref", "actor_id", "repository_visibility", "runner_environment", "enterprise_id"}
	case TrustGitLab:
		return []string{"project_id", "namespace_id"}, []string{"ref", "ref_type", "ref_protected", "environment", "environment_protected", "deployment_tier", "environment_action",
			"pipeline_source", "user_id", "runner_id", "runner_environment", "ci_config_ref_uri"}
	default:
		return nil, nil
	}
}

// Faults lists what is wrong with a rule.
func (r TrustRule) Faults() (faults []FieldError) {
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	if r.Name == "" || len(r.Name) > 100 {
		add("name", "is needed, and at most 100 characters long, so that you know later what it was for")
	}
	if fault := r.issuerFault(); fault != "" {
		add("issuer", "%s", fault)
	}
	switch {
	case r.Audience == "":
		add("audience", "is needed: without one, a token that was made for somebody else would do; use the address of this Slipway")
	case len(r.Audience) > maxTrustText:
		add("audience", "is at most %d characters long", maxTrustText)
	case r.Kind == TrustGitHub && isGitHubDefault(r.Audience):
		add("audience", "is what GitHub puts into tokens for everybody; use the address of this Slipway")
	}
	if r.Scope.Kind != ScopeTeam && r.Scope.Kind != ScopeService {
		add("scope.kind", "is team or service")
	}
	if d := time.Duration(r.Lifetime); d < minTrustLifetime || d > maxTrustLifetime {
		add("lifetime", "is between %s and %s", Duration(minTrustLifetime), Duration(maxTrustLifetime))
	}
	if len(r.Permissions) == 0 {
		add("permissions", "are needed; those that a rule may give are %v", TrustPermissions())
	}
	for _, p := range r.Permissions {
		if !slices.Contains(TrustPermissions(), p) {
			add("permissions", "%q is nothing that a rule may give; those are %v", p, TrustPermissions())
		}
	}
	return append(faults, r.claimFaults()...)
}

func (r TrustRule) issuerFault() string {
	if fault := CheckURL(r.Issuer); fault != "" {
		return fault
	}
	github := strings.HasPrefix(r.Issuer, "https://token.actions.githubusercontent.com") || strings.HasSuffix(r.Issuer, "/_services/token")
	switch {
	case len(r.Issuer) > maxTrustText || strings.ContainsAny(r.Issuer, "?#@ "):
		return fmt.Sprintf("is an address without user, query or fragment, at most %d characters long", maxTrustText)
	case r.Kind == TrustGitHub && !github:
		return "is no issuer of GitHub: https://token.actions.githubusercontent.com, or https://HOST/_services/token of an Enterprise Server"
	case r.Kind != TrustGitHub && github:
		return "is GitHub's: the kind of the rule is github"
	default:
		return ""
	}
}

func isGitHubDefault(audience string) bool { return strings.HasPrefix(audience, "https://github.com/") }

func (r TrustRule) claimFaults() (faults []FieldError) {
	add := func(claim, format string, args ...any) {
		faults = append(faults, FieldError{Field: "claims." + claim, Message: fmt.Sprintf(format, args...)})
	}
	immutable, beside := trustClaims(r.Kind)
	switch r.Kind {
	case TrustGitHub, TrustGitLab:
		if r.Immutable != "" {
			faults = append(faults, FieldError{Field: "immutable", Message: "is for rules of the kind oidc; the others know which of their claims stay"})
		}
	case TrustOIDC:
		immutable = []string{"sub"}
		if r.Immutable != "" {
			immutable = []string{r.Immutable}
		}
	default:
		return []FieldError{{Field: "kind", Message: "is github, gitlab or oidc"}}
	}
	for _, claim := range immutable {
		if r.Claims[claim] == "" {
			add(claim, "is needed: it names the same thing for ever")
		}
	}
	if len(r.Claims) > maxTrustClaim {
		faults = append(faults, FieldError{Field: "claims", Message: fmt.Sprintf("are at most %d", maxTrustClaim)})
	}
	for _, claim := range slices.Sorted(maps.Keys(r.Claims)) {
		value := r.Claims[claim]
		switch {
		case claim == "" || len(claim) > 100 || value == "" || len(value) > maxTrustText:
			add(claim, "has a name and a value, at most %d characters long", maxTrustText)
		case strings.Contains(value, "*"):
			add(claim, "is compared to the letter: there are no wildcards")
		case slices.Contains([]string{"iss", "aud", "exp", "nbf", "iat", "jti"}, claim):
			add(claim, "is looked at for every token; a rule does not name it")
		case r.Kind != TrustOIDC && !slices.Contains(immutable, claim) && !slices.Contains(beside, claim):
			add(claim, "is not taken: only what never changes hands (%s), and beside it %s", strings.Join(immutable, ", "), strings.Join(beside, ", "))
		case r.Kind != TrustOIDC && slices.Contains(immutable, claim) && strings.Trim(value, "0123456789") != "":
			add(claim, "is a number; names change hands")
		case claim == "event_name" && fromPullRequest(value), claim == "pipeline_source" && fromPullRequest(value):
			add(claim, "is never let in: whoever may send a change would run it with the rule's rights")
		}
	}
	return faults
}

// fromPullRequest tells the events by which somebody else's change runs.
func fromPullRequest(event string) bool {
	return strings.HasPrefix(event, "pull_request") || event == "merge_request_event" || event == "external_pull_request_event"
}

// Refuses says why a rule does not take a token of its issuer, in words about
// the token; empty if it does.
func (r TrustRule) Refuses(claims map[string]string) string {
	for _, claim := range []string{"event_name", "pipeline_source"} {
		if event := claims[claim]; fromPullRequest(event) {
			return fmt.Sprintf("its %s is %s, and no job of a change that is only proposed is let in", claim, event)
		}
	}
	if r.Kind == TrustGitHub && (claims["event_name"] == "" || strings.HasSuffix(claims["sub"], ":pull_request")) {
		return "it does not say that anything but a pull request started it"
	}
	for _, claim := range slices.Sorted(maps.Keys(r.Claims)) {
		if have, ok := claims[claim]; !ok || have != r.Claims[claim] {
			if !ok {
				return "it has no " + claim
			}
			return fmt.Sprintf("its %s is %q", claim, have)
		}
	}
	return ""
}
