package store

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// by names the index that SQLite goes by. Nobody has it gather statistics, and
// without it cannot tell a service's handful of active deployments from the
// thousands that it ever had. PostgreSQL gathers its own and is not told.
//
// An index that is named and not there, or cannot be used, is an error.
func (t *tx) by(index string) string {
	switch {
	case t.s.postgres || index == "":
		return ""
	case index == byID:
		return " NOT INDEXED"
	default:
		return " INDEXED BY " + index
	}
}

// byID walks a table from its newest row on, or its oldest.
const byID = "the id"

// onlyActive reports whether all that is asked for is in the small index of what
// is active.
func onlyActive(states []slipway.State) bool {
	ended := func(s slipway.State) bool { return !s.Active() }
	return len(states) > 0 && !slices.ContainsFunc(states, ended)
}

// wayToDeployments is the index by which a list of deployments reads least.
func wayToDeployments(f slipway.DeploymentFilter) string {
	switch active := onlyActive(f.States); {
	case active && f.Service != "":
		return "deployments_one_active"
	case active:
		return "deployments_by_state"
	case f.Service != "" && f.Version != "":
		return "deployments_by_release"
	case f.Service != "" && f.Environment != "":
		return "deployments_by_stage"
	case f.Service != "":
		return "deployments_by_service"
	case f.RequestedBy != "":
		return "deployments_by_requester"
	case len(f.States) == 1:
		return "deployments_by_state"
	case f.Team != "":
		return "deployments_by_team"
	case f.Environment != "":
		return "deployments_by_environment"
	default:
		return byID
	}
}

// wayToAudit is the same for the audit. What an actor did is found by part of
// their name as well, and no index helps with that.
func wayToAudit(f slipway.AuditFilter) string {
	switch area, of := strings.CutSuffix(f.Action, "."); {
	case f.Service != "":
		return "audit_by_service"
	case f.Action != "" && !of:
		return "audit_by_action"
	case f.Team != "":
		return "audit_by_team"
	case f.Environment != "":
		return "audit_by_environment"
	case of && !strings.Contains(area, "."):
		return "audit_by_area"
	default:
		return byID
	}
}

// area is an action up to its first dot, word for word as the index has it.
func (t *tx) area() string {
	if t.s.postgres {
		return `substr(action, 1, strpos(action, '.'))`
	}
	return `substr(action, 1, instr(action, '.'))`
}
