package slipway

// Role is a named bundle of permissions; package policy says which.
type Role string

// The roles, from least to most.
const (
	RoleViewer     Role = "viewer"
	RoleDeveloper  Role = "developer"
	RoleApprover   Role = "approver"
	RoleMaintainer Role = "maintainer"
	RoleAdmin      Role = "admin"
)

// Roles lists every role in the order people expect to see them.
func Roles() []Role {
	return []Role{RoleViewer, RoleDeveloper, RoleApprover, RoleMaintainer, RoleAdmin}
}

// Permission is one thing that somebody may do.
type Permission string

// The permissions. A use case asks for exactly one of them on one Resource.
const (
	ServiceRead        Permission = "service.read"
	ServiceRegister    Permission = "service.register"
	PipelineApply      Permission = "pipeline.apply"
	ReleaseCreate      Permission = "release.create"
	ReleaseBlock       Permission = "release.block"
	DeploymentPromote  Permission = "deployment.promote"
	DeploymentApprove  Permission = "deployment.approve" // and reject
	DeploymentRollback Permission = "deployment.rollback"
	DeploymentControl  Permission = "deployment.control" // cancel, pause, resume, retry
	GateBypass         Permission = "gate.bypass"
	HoldLift           Permission = "hold.lift"
	EnvironmentLock    Permission = "environment.lock"
	EnvironmentManage  Permission = "environment.manage"
	FreezeManage       Permission = "freeze.manage"
	LineStop           Permission = "line.stop" // and let it go again
	TeamManage         Permission = "team.manage"
	AccessManage       Permission = "access.manage"
	AccessExplain      Permission = "access.explain"
	TokenManage        Permission = "token.manage" // one's own tokens
	AuditRead          Permission = "audit.read"
	SecretList         Permission = "secret.list"  // names and versions
	SecretWrite        Permission = "secret.write" // set, restore, delete, undelete
	SecretReveal       Permission = "secret.reveal"
	SecretDestroy      Permission = "secret.destroy"
	NotificationManage Permission = "notification.manage" // who is told of what happens there
	TrustManage        Permission = "trust.manage"        // which CI jobs come in without a key
)

// Permissions lists every permission, in the order of the golden matrix.
func Permissions() []Permission {
	return []Permission{
		ServiceRead, ServiceRegister, PipelineApply, ReleaseCreate, ReleaseBlock,
		DeploymentPromote, DeploymentApprove, DeploymentRollback, DeploymentControl,
		GateBypass, HoldLift, EnvironmentLock, EnvironmentManage, FreezeManage, LineStop, TeamManage,
		AccessManage, AccessExplain, TokenManage, AuditRead,
		SecretList, SecretWrite, SecretReveal, SecretDestroy,
		NotificationManage,
		TrustManage,
	}
}

// Resource is what a permission is asked for. Empty parts mean "none": a team
// has no service, the organisation has nothing.
type Resource struct {
	Team        string `json:"team,omitempty"`
	Service     string `json:"service,omitempty"`
	Environment string `json:"environment,omitempty"`
}

// ScopeKind says how far a binding reaches.
type ScopeKind string

// The kinds of scope.
const (
	ScopeOrganisation ScopeKind = "organisation"
	ScopeTeam         ScopeKind = "team"
	ScopeService      ScopeKind = "service"
	ScopeEnvironment  ScopeKind = "environment"
)

// Scope is the part of the organisation a binding reaches.
type Scope struct {
	Kind ScopeKind `json:"kind"`
	Name string    `json:"name,omitempty"` // empty for the organisation
}

// SubjectKind says who a binding is for.
type SubjectKind string

// The kinds of subject. Everyone is any signed-in person.
const (
	SubjectUser           SubjectKind = "user"
	SubjectGroup          SubjectKind = "group"
	SubjectServiceAccount SubjectKind = "serviceaccount"
	SubjectEveryone       SubjectKind = "everyone"
)

// Subject is who a binding is for. Name is a user's or service account's ID,
// or the name of a group in the OIDC groups claim.
type Subject struct {
	Kind SubjectKind `json:"kind"`
	Name string      `json:"name,omitempty"`
}

// Binding gives a subject a role within a scope. There is nothing but bindings:
// who has none may do nothing.
type Binding struct {
	ID      int64   `json:"id"`
	Subject Subject `json:"subject"`
	Role    Role    `json:"role"`
	Scope   Scope   `json:"scope"`
	Source  string  `json:"source,omitempty"` // "configuration" for SLIPWAY_ADMIN_GROUP, "trust rule 7", else empty
	Only    *Only   `json:"only,omitempty"`   // of a trust rule
}

// Only narrows a binding to some of what its role includes.
type Only struct {
	Permissions  []Permission `json:"permissions"`
	Environments []string     `json:"environments,omitempty"` // of what is done to stages; empty: all
}
