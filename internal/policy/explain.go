package policy

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// named is how many of a list a sentence names before it only counts.
const named = 4

func explainGrant(in Input, b slipway.Binding) string {
	if b.Only != nil {
		return fmt.Sprintf("%s may %s: %s on %s includes it.", name(in.Actor), phrase(in.Permission, in.Resource), b.Source, DescribeScope(b.Scope))
	}
	holder := describeSubject(b.Subject)
	if b.Subject.Kind == slipway.SubjectUser || b.Subject.Kind == slipway.SubjectServiceAccount {
		holder = name(in.Actor)
	}
	return fmt.Sprintf("%s may %s: %s has role %s on %s.",
		name(in.Actor), phrase(in.Permission, in.Resource), holder, b.Role, DescribeScope(b.Scope))
}

func refuseScope(in Input) Decision {
	limits := make([]string, len(in.Actor.Scopes))
	for i, s := range in.Actor.Scopes {
		limits[i] = string(s)
	}
	why := fmt.Sprintf("it needs %s, and the token in use is limited to %s", in.Permission, list(limits))
	d := refuse(in, why, why)
	d.WhoCan, d.Denied.Who = nil, "a token with the scope "+string(in.Permission)
	return d
}

func refuseRole(in Input) Decision {
	var near, far []string
	for _, b := range in.Bindings {
		if !isFor(b.Subject, in.Actor) {
			continue
		}
		role := fmt.Sprintf("%s on %s", b.Role, DescribeScope(b.Scope))
		if b.Only != nil {
			role = fmt.Sprintf("%s on %s", b.Source, DescribeScope(b.Scope))
		}
		if Covers(b.Scope, in.Resource) || personal(in.Permission) {
			near = append(near, role)
		} else {
			far = append(far, role)
		}
	}
	needs := fmt.Sprintf("it needs %s; ", in.Permission)
	has := func(who, have string) string {
		switch {
		case len(near) > 0:
			return fmt.Sprintf("%s%s %s %s, which does not include it", needs, who, have, list(near))
		case len(far) > 0:
			return fmt.Sprintf("%s%s %s %s, which does not reach %s", needs, who, have, list(far), describe(in.Resource, " in "))
		default:
			return fmt.Sprintf("%s%s %s no role anywhere", needs, who, have)
		}
	}
	return refuse(in, has(name(in.Actor), "has"), has("you", "have"))
}

// refuse builds a refusal from the same reason told of the actor and to them.
func refuse(in Input, of, to string) Decision {
	may := phrase(in.Permission, in.Resource)
	d := Decision{
		Reason:    fmt.Sprintf("%s may not %s: %s.", name(in.Actor), may, of),
		anonymous: !authenticated(in.Actor),
		phrase:    may,
	}
	verdict := slipway.Verdict{Gate: "permission", Result: slipway.Fail, Reason: upperFirst(to) + "."}
	if !d.anonymous {
		d.WhoCan = WhoCan(in.Bindings, in.Permission, in.Resource)
		subjects := make([]string, len(d.WhoCan))
		for i, s := range d.WhoCan {
			subjects[i] = describeSubject(s)
		}
		verdict.Who = list(subjects)
	}
	d.Denied = &verdict
	return d
}

// phrase says the permission on the resource as the rest of "you may …".
func phrase(p slipway.Permission, r slipway.Resource) string {
	thing := describe(r, " in ")
	switch p {
	case slipway.ServiceRead:
		return "see " + thing
	case slipway.ServiceRegister:
		return "register " + thing
	case slipway.PipelineApply:
		return "change the pipeline of " + thing
	case slipway.ReleaseCreate:
		return "create releases of " + thing
	case slipway.ReleaseBlock:
		return "block releases of " + thing
	case slipway.DeploymentPromote:
		return "promote " + describe(r, " to ")
	case slipway.DeploymentApprove:
		return "approve " + thing
	case slipway.DeploymentRollback:
		return "roll back " + thing
	case slipway.DeploymentControl:
		return "steer deployments of " + thing
	case slipway.GateBypass:
		return "bypass gates of " + thing
	case slipway.HoldLift:
		return "lift the hold on " + thing
	case slipway.EnvironmentLock:
		return "lock " + thing
	case slipway.EnvironmentManage, slipway.TeamManage:
		return "manage " + thing
	case slipway.FreezeManage:
		return "manage freezes of " + thing
	case slipway.LineStop:
		return "stop the line of " + thing
	case slipway.AccessManage:
		return "manage access to " + thing
	case slipway.AccessExplain:
		return "see who may do what to " + thing
	case slipway.TokenManage:
		return "manage API tokens"
	case slipway.AuditRead:
		return "read the audit log of " + thing
	case slipway.TrustManage:
		return "say which CI jobs come in for " + thing
	default:
		return fmt.Sprintf("%q %s", p, thing)
	}
}

func describe(r slipway.Resource, preposition string) string {
	switch {
	case r.Service != "" && r.Environment != "":
		return r.Service + preposition + r.Environment
	case r.Service != "":
		return r.Service
	case r.Team != "" && r.Environment != "":
		return "team " + r.Team + preposition + r.Environment
	case r.Environment != "":
		return "environment " + r.Environment
	case r.Team != "":
		return "team " + r.Team
	default:
		return "the organisation"
	}
}

// DescribeScope names a scope as sentences do.
func DescribeScope(s slipway.Scope) string {
	if s.Kind == slipway.ScopeOrganisation {
		return "the organisation"
	}
	return string(s.Kind) + " " + s.Name
}

func describeSubject(s slipway.Subject) string {
	switch s.Kind {
	case slipway.SubjectEveryone:
		return "everyone"
	case slipway.SubjectServiceAccount:
		return "service account " + s.Name
	default:
		return string(s.Kind) + " " + s.Name
	}
}

func name(a slipway.Actor) string {
	switch {
	case a.Name != "":
		return a.Name
	case a.ID != "":
		return a.ID
	default:
		return "Somebody unknown"
	}
}

func list(items []string) string {
	if len(items) > named {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:named], ", "), len(items)-named)
	}
	return strings.Join(items, ", ")
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
