package slipway

// Expressions judges the expressions that people write into pipelines, without
// evaluating them. Both functions say why a text is not acceptable; empty if it
// is.
type Expressions interface {
	// CheckCondition is for the conditions of metric checks, metric gates: over
	// result and stable.
	CheckCondition(text string) string
	// CheckGate is for expression gates: over release, service, environment,
	// deployment and now.
	CheckGate(text string) string
}
