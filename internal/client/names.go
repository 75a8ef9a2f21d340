package client

// The wire forms are generated: see wire.go, and `slipway wire-types`. What is
// asked for has names of its own here.
type (
	Fault        = FieldProblem
	NewTrustRule = AddTrustRule
	NewSet       = PromoteSet
	NewSetItem   = PromoteSetItem
	SetItem      = SetEntry
	Promotion    = Promote
	NewCalendar  = AddCalendar
	NewRelease   = CreateRelease
	NewToken     = CreateToken
	NewRoute     = AddNotificationRoute
	Route        = AddedNotificationRoute // of which only a new one has a secret
)
