package checks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Limits of an expression. Whoever may write a pipeline may write one, and the
// portal is there for others, too.
const (
	maxExpression = 2000    // characters
	maxNesting    = 60      // of parentheses and operators
	maxNodes      = 2000    // after macros were written out
	maxRegexp     = 1000    // instructions of a compiled pattern
	maxCost       = 200_000 // steps of one evaluation, in CEL's own measure
	maxPrograms   = 500     // kept ready
)

// Expressions reads and evaluates the expressions of people. It is safe for
// concurrent use.
type Expressions struct {
	gate       *cel.Env
	conditions []conditionEnv

	mu       sync.Mutex
	programs map[string]*program // by kind and text
}

var _ slipway.Expressions = (*Expressions)(nil)

// program is an expression that is ready to run.
type program struct {
	run    cel.Program
	lists  map[string]bool // of a condition: which of its figures are lists
	idents map[string]bool // names that it uses, and functions that it calls
}

// NewExpressions prepares both languages: conditions of metrics, and gates.
func NewExpressions() (*Expressions, error) {
	gate, err := newGateEnv()
	if err != nil {
		return nil, err
	}
	conditions, err := newConditionEnvs()
	if err != nil {
		return nil, err
	}
	return &Expressions{gate: gate, conditions: conditions, programs: map[string]*program{}}, nil
}

// CheckCondition says why a text is no condition of a metric; empty if it is.
func (x *Expressions) CheckCondition(text string) string { return why(x.condition(text)) }

// CheckGate says why a text is no expression of a gate; empty if it is.
func (x *Expressions) CheckGate(text string) string { return why(x.gateProgram(text)) }

func why(_ *program, err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// newEnv is what both languages share.
func newEnv(options ...cel.EnvOption) (*cel.Env, error) {
	env, err := cel.NewEnv(append([]cel.EnvOption{
		cel.CrossTypeNumericComparisons(true), // result < 5
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserErrorRecoveryLimit(0),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegexp),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(2)),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("prepare expressions: %w", err)
	}
	return env, nil
}

// ready returns a program from what is kept, or makes it.
func (x *Expressions) ready(key string, build func() (*program, error)) (*program, error) {
	x.mu.Lock()
	p, ok := x.programs[key]
	x.mu.Unlock()
	if ok {
		return p, nil
	}
	p, err := build()
	if err != nil {
		return nil, err // a wrong text is not kept: it is seen once, by its author
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.programs) >= maxPrograms {
		clear(x.programs)
	}
	x.programs[key] = p
	return p, nil
}

// bounded refuses what is not worth reading.
func bounded(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("is empty")
	case utf8.RuneCountInString(text) > maxExpression:
		return fmt.Errorf("is longer than %d characters", maxExpression)
	default:
		return nil
	}
}

// build makes a checked expression ready to run.
func build(env *cel.Env, text string, checked *cel.Ast) (*program, error) {
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("%s is %s, not true or false", quoted(text), typeWords(checked.OutputType().String()))
	}
	run, err := env.Program(checked, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("%s: %s", quoted(text), firstLine(err.Error()))
	}
	return &program{run: run, idents: identsOf(checked.NativeRep().Expr())}, nil
}

// identsOf lists the names and the functions of an expression.
func identsOf(e celast.Expr) map[string]bool {
	found := map[string]bool{}
	celast.PostOrderVisit(e, celast.NewExprVisitor(func(e celast.Expr) {
		switch e.Kind() {
		case celast.IdentKind:
			found[e.AsIdent()] = true
		case celast.CallKind:
			found[e.AsCall().FunctionName()] = true
		default:
		}
	}))
	return found
}

// eval runs a program; text is for the error.
func (p *program) eval(ctx context.Context, text string, vars map[string]any) (bool, error) {
	out, _, err := p.run.ContextEval(ctx, vars)
	if err != nil {
		return false, fmt.Errorf("%s cannot be worked out: %s", quoted(text), evalWords(err))
	}
	value, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%s is neither true nor false", quoted(text))
	}
	return value, nil
}

// isNaN is a function of both languages.
func isNaN() cel.EnvOption {
	return cel.Function("isNaN", cel.Overload("isNaN_double", []*cel.Type{cel.DoubleType}, cel.BoolType,
		cel.UnaryBinding(func(v ref.Val) ref.Val {
			d, ok := v.(types.Double)
			return types.Bool(ok && math.IsNaN(float64(d)))
		})))
}
