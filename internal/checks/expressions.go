package checks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp/syntax"
	"strings"
	"sync"
	"time"
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
	maxExpression = 2000   // characters
	maxNesting    = 60     // of parentheses and operators
	maxNodes      = 2000   // after macros were written out
	maxPattern    = 1000   // instructions of a compiled pattern
	maxCost       = 50_000 // steps of one evaluation, in CEL's own measure
	maxPrograms   = 200    // kept ready

	evalWithin = 5 * time.Second // 50,000 steps are done long before
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
	p, err := guarded(build)
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

// guarded makes an error of a panic: the compiler is another's, and it has been
// seen to panic at a pattern.
func guarded(build func() (*program, error)) (p *program, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("is more than Slipway can read: %s", short(fmt.Sprint(r)))
		}
	}()
	return build()
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
	if err := checkPatterns(checked.NativeRep().Expr()); err != nil {
		return nil, fmt.Errorf("%s: %w", quoted(text), err)
	}
	run, err := env.Program(checked, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("%s: %s", quoted(text), firstLine(err.Error()))
	}
	return &program{run: run, idents: identsOf(checked.NativeRep().Expr())}, nil
}

// checkPatterns bounds what matches() costs: what it takes is the length of the
// text times the size of the pattern, so the pattern has to stand there to be
// measured. CEL's own limit panics at patterns such as a{10}.
func checkPatterns(root celast.Expr) (err error) {
	celast.PostOrderVisit(root, celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.CallKind || e.AsCall().FunctionName() != "matches" || err != nil {
			return
		}
		arguments := e.AsCall().Args()
		last := arguments[len(arguments)-1]
		pattern, ok := types.String(""), false
		if last.Kind() == celast.LiteralKind {
			pattern, ok = last.AsLiteral().(types.String)
		}
		if !ok {
			err = errors.New("the pattern of matches has to be written out")
			return
		}
		tree, wrong := syntax.Parse(string(pattern), syntax.Perl)
		if wrong != nil {
			err = wrong
			return
		}
		if made, wrong := syntax.Compile(tree.Simplify()); wrong != nil || len(made.Inst) > maxPattern {
			err = fmt.Errorf("the pattern %s is too large", quoted(string(pattern)))
		}
	}))
	return err
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
	ctx, cancel := context.WithTimeout(ctx, evalWithin)
	defer cancel()
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
