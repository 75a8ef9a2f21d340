package policy

import "github.com/slipway-dev/slipway/internal/slipway"

// Includes reports whether a role includes a permission. A permission that is
// in no role is denied to all, so a new one cannot be forgotten quietly.
//
//	viewer      sees services, the audit log and why somebody may do something;
//	            handles their own tokens
//	developer   brings releases as far as the gates let them, steers running
//	            deployments, blocks a bad release and rolls back
//	approver    decides on gates, and rolls back what was approved
//	maintainer  both of these, and the team's services, pipelines, holds, locks
//	            and freezes, which CI jobs come in, and who is told of what
//	            happens; on the whole organisation, its line
//	admin       everything, within the scope of the binding; going around a gate
//	            belongs to nobody else
//
// Writing a secret is not reading it, and nothing that runs takes the new one
// before a deployment has passed its gates, so developers may. Revealing is for
// maintainers, destroying, which nobody can undo, for admins.
//
// Rolling back belongs to developers too: who sees the damage first must be
// able to undo it at night, without waiting for who let it through. Approving
// does not, so that nobody gets it by the way. Releases are not created by
// approvers, so a pure approver never judges their own work.
func Includes(role slipway.Role, permission slipway.Permission) bool {
	switch role {
	case slipway.RoleViewer:
		return viewerMay(permission)
	case slipway.RoleDeveloper:
		return viewerMay(permission) || developerMay(permission)
	case slipway.RoleApprover:
		return viewerMay(permission) || approverMay(permission)
	case slipway.RoleMaintainer:
		return Includes(slipway.RoleDeveloper, permission) ||
			approverMay(permission) || maintainerMay(permission)
	case slipway.RoleAdmin:
		return Includes(slipway.RoleMaintainer, permission) || adminMay(permission)
	default:
		return false
	}
}

func viewerMay(p slipway.Permission) bool {
	switch p {
	case slipway.ServiceRead, slipway.AuditRead, slipway.AccessExplain, slipway.TokenManage:
		return true
	}
	return false
}

func developerMay(p slipway.Permission) bool {
	switch p {
	case slipway.ReleaseCreate, slipway.ReleaseBlock, slipway.DeploymentPromote,
		slipway.DeploymentControl, slipway.DeploymentRollback, slipway.SecretList, slipway.SecretWrite:
		return true
	}
	return false
}

func approverMay(p slipway.Permission) bool {
	return p == slipway.DeploymentApprove || p == slipway.DeploymentRollback || p == slipway.SecretList
}

func maintainerMay(p slipway.Permission) bool {
	switch p {
	case slipway.ServiceRegister, slipway.PipelineApply, slipway.HoldLift,
		slipway.EnvironmentLock, slipway.FreezeManage, slipway.LineStop, slipway.SecretReveal,
		slipway.NotificationManage, slipway.TrustManage:
		return true
	}
	return false
}

func adminMay(p slipway.Permission) bool {
	switch p {
	case slipway.EnvironmentManage, slipway.TeamManage, slipway.AccessManage, slipway.GateBypass,
		slipway.SecretDestroy:
		return true
	}
	return false
}

// systemMay lists what Slipway does without being asked: it promotes where a
// pipeline says autoPromote. Undoing a deployment that failed is a rule of its
// own plan and no new decision, so it is not here.
func systemMay(p slipway.Permission) bool { return p == slipway.DeploymentPromote }

// personal reports whether a permission is about the actor's own things. Those
// are nobody's resource, so a role anywhere is enough. Tokens of service
// accounts are no personal thing: they need access.manage.
func personal(p slipway.Permission) bool { return p == slipway.TokenManage }
