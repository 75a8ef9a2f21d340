package checks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/operators"
)

// quoted names an expression in a sentence.
func quoted(text string) string {
	text = short(text)
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:117], "") + "..."
	}
	return "\"" + text + "\""
}

// fault says in one line what is wrong with an expression. The compiler's own
// report is a drawing over several lines and speaks of its grammar.
func fault(text string, issues *cel.Issues) error {
	found := issues.Errors()
	if len(found) == 0 {
		return fmt.Errorf("%s: %s", quoted(text), firstLine(issues.Err().Error()))
	}
	first := found[0]
	message, _, _ := strings.Cut(first.Message, " expecting ")
	message, _, _ = strings.Cut(message, " (in container ")
	message = strings.TrimPrefix(message, "Syntax error: ")
	message = strings.ReplaceAll(message, "'<EOF>'", "its end")
	if overload := overloadRule.FindStringSubmatch(message); overload != nil {
		message = overloadWords(overload[1], overload[2])
	}
	return fmt.Errorf("%s: %s (at character %d)", quoted(text), firstLine(message), first.Location.Column()+1)
}

var overloadRule = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)

// overloadWords turns "_<_" and "(double, string)" into words.
func overloadWords(function, operands string) string {
	if sign, ok := operators.FindReverse(function); ok && sign != "" {
		function = sign
	}
	method := ""
	if of, arguments, ok := strings.Cut(operands, ".("); ok {
		method, operands = typeWords(of)+" has no ", "("+arguments
	}
	operands = strings.TrimSuffix(strings.TrimPrefix(operands, "("), ")")
	var words []string
	for _, operand := range strings.Split(operands, ", ") {
		if operand != "" {
			words = append(words, typeWords(operand))
		}
	}
	taking := strings.Join(words, " and ")
	switch {
	case method != "" && taking != "":
		return method + function + " that takes " + taking
	case method != "":
		return method + function
	default:
		return function + " does not go with " + taking
	}
}

// typeWords are the names of types as people say them.
func typeWords(name string) string {
	if inner, ok := strings.CutPrefix(name, "list("); ok {
		return "a list of " + strings.TrimPrefix(strings.TrimPrefix(typeWords(strings.TrimSuffix(inner, ")")), "a "), "an ") + "s"
	}
	switch name {
	case "double":
		return "a number"
	case "int", "uint":
		return "a whole number"
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "google.protobuf.Timestamp", "timestamp":
		return "a time"
	case "google.protobuf.Duration", "duration":
		return "a duration"
	default:
		return strings.TrimPrefix(name, "checks.")
	}
}

// evalWords says why an expression came to nothing.
func evalWords(err error) string {
	text := firstLine(err.Error())
	switch {
	case strings.Contains(text, "cost limit exceeded"):
		return "it takes too many steps"
	case strings.Contains(text, "interrupted"):
		return "it takes too long"
	case strings.HasPrefix(text, "index out of bounds"):
		return "there are not so many figures (" + text + ")"
	default:
		return text
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return short(line)
}
