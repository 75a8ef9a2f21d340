package checks

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// EvalCondition reads and evaluates a condition.
func (x *Expressions) EvalCondition(ctx context.Context, text string, result, stable []float64) (bool, error) {
	p, err := x.condition(text)
	if err != nil {
		return false, err
	}
	figures := map[string][]float64{nameResult: result}
	if stable != nil {
		figures[nameStable] = stable
	}
	return p.judge(ctx, text, figures)
}

// EvalGate reads and evaluates an expression of a gate.
func (x *Expressions) EvalGate(ctx context.Context, text string, s slipway.ProbeSubject) (bool, error) {
	p, err := x.gateProgram(text)
	if err != nil {
		return false, err
	}
	return p.eval(ctx, text, gateVars(s))
}

// Kept is how many programs are ready.
func (x *Expressions) Kept() int { return len(x.programs) }

// What the tests look at from inside.
const (
	MaxPrograms   = maxPrograms
	MaxExpression = maxExpression
)

// InQuery escapes a value for PromQL.
func InQuery(value string) string { return inQuery(value) }

// Sign is the signature of an external gate's request.
func Sign(secret Secret, at string, body []byte) string { return secret.sign(at, body) }

// WebAddress builds the address of an HTTP check.
func WebAddress(text string, s slipway.CheckSubject) (string, error) { return webAddress(text, s) }

// SocketAddress builds the address of a TCP check.
func SocketAddress(text string, s slipway.CheckSubject) (string, error) {
	return socketAddress(text, s)
}
