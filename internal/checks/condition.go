package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// The names of a condition.
const (
	nameResult = "result"
	nameStable = "stable"
	callIsNaN  = "isNaN"
)

// conditionEnv is the language of conditions for one choice of what its figures
// are: a number each, or lists.
type conditionEnv struct {
	env   *cel.Env
	lists map[string]bool
}

// newConditionEnvs makes the four choices, the simplest first.
func newConditionEnvs() ([]conditionEnv, error) {
	var envs []conditionEnv
	for _, lists := range []map[string]bool{{}, {nameResult: true, nameStable: true}, {nameResult: true}, {nameStable: true}} {
		options := []cel.EnvOption{isNaN()}
		for _, name := range []string{nameResult, nameStable} {
			of := cel.DoubleType
			if lists[name] {
				of = cel.ListType(cel.DoubleType)
			}
			options = append(options, cel.Variable(name, of))
		}
		env, err := newEnv(options...)
		if err != nil {
			return nil, err
		}
		envs = append(envs, conditionEnv{env: env, lists: lists})
	}
	return envs, nil
}

// condition reads a condition. Whether its figures are numbers or lists is what
// its types say: result < 0.01, or result[0] < 0.01.
func (x *Expressions) condition(text string) (*program, error) {
	if err := bounded(text); err != nil {
		return nil, err
	}
	return x.ready("condition\x00"+text, func() (*program, error) {
		var first error
		for _, c := range x.conditions {
			p, err := c.compile(text)
			if err == nil {
				return p, nil
			}
			// The complaint that helps is the one of the choice that was meant.
			meant := c.lists[nameResult] == asList(text, nameResult) && c.lists[nameStable] == asList(text, nameStable)
			if first == nil || meant {
				first = err
			}
		}
		return nil, first
	})
}

// asList guesses whether a text that is wrong speaks of a name as of a list.
func asList(text, name string) bool {
	return strings.Contains(text, name+"[") || strings.Contains(text, name+".") || strings.Contains(text, "size("+name)
}

func (c conditionEnv) compile(text string) (*program, error) {
	parsed, issues := c.env.Parse(text)
	if issues.Err() != nil {
		return nil, fault(text, issues)
	}
	asNumbers(parsed.NativeRep().Expr())
	checked, issues := c.env.Check(parsed)
	if issues.Err() != nil {
		return nil, fault(text, issues)
	}
	p, err := build(c.env, text, checked)
	if err != nil {
		return nil, err
	}
	if !p.idents[nameResult] && !p.idents[nameStable] {
		return nil, fmt.Errorf("%s looks neither at result nor at stable", quoted(text))
	}
	p.lists = c.lists
	return p, nil
}

// asNumbers makes whole numbers in a condition what its figures are: stable * 2
// and result == 0 are meant as stable * 2.0 and result == 0.0, which CEL does
// not do by itself. Places in a list and counts stay whole.
func asNumbers(root celast.Expr) {
	factory := celast.NewExprFactory()
	whole := map[int64]bool{}
	celast.PreOrderVisit(root, celast.NewExprVisitor(func(e celast.Expr) {
		switch e.Kind() {
		case celast.CallKind:
			for _, operand := range wholeOperands(e.AsCall()) {
				whole[operand.ID()] = true
			}
		case celast.LiteralKind:
			if n, ok := e.AsLiteral().(types.Int); ok && !whole[e.ID()] {
				e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(n)))
			}
		default:
		}
	}))
}

// wholeOperands are the operands of a call that stay as they are written.
func wholeOperands(call celast.CallExpr) []celast.Expr {
	operands := call.Args()
	switch call.FunctionName() {
	case operators.Index:
		return operands[1:]
	case operators.Modulo:
		return operands
	}
	if slices.ContainsFunc(operands, isWhole) {
		return operands
	}
	return nil
}

// isWhole reports whether something counts rather than measures.
func isWhole(e celast.Expr) bool {
	if e.Kind() != celast.CallKind {
		return false
	}
	switch call := e.AsCall(); call.FunctionName() {
	case "size", "int", operators.Modulo:
		return true
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Negate:
		return slices.ContainsFunc(call.Args(), isWhole)
	default:
		return false
	}
}

// judge evaluates a condition. A figure that is asked for as a number has to be
// one; a number that is asked for as a list is a list of one.
func (p *program) judge(ctx context.Context, text string, figures map[string][]float64) (bool, error) {
	vars := map[string]any{}
	for _, name := range []string{nameResult, nameStable} {
		values := figures[name]
		switch {
		case !p.idents[name]:
			vars[name] = p.zero(name)
		case p.lists[name]:
			vars[name] = values
		case len(values) == 0:
			return false, fmt.Errorf("%s speaks of %s, and there is none: it needs a baseline", quoted(text), name)
		case len(values) > 1:
			return false, errors.New(severalWords(text, name, len(values)))
		default:
			vars[name] = values[0]
		}
	}
	return p.eval(ctx, text, vars)
}

func (p *program) zero(name string) any {
	if p.lists[name] {
		return []float64{}
	}
	return 0.0
}

func severalWords(text, name string, n int) string {
	return fmt.Sprintf("%s takes %s for one number, and the query gives %d. Sum them up in the query, or write %s[0]", quoted(text), name, n, name)
}
