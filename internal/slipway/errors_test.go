package slipway

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrorsReadAsText(t *testing.T) {
	t.Parallel()
	cause := errors.New("pq: secret detail")
	for want, err := range map[string]error{
		`There is no service "shop".`: NotFound("service", "shop"),
		"It moved. Look again.":       Conflict("It moved.", "Look again."),
		"slipway.yaml was not accepted. line 3: stages[0].deadline: is no duration. line 4: is no YAML. name: is missing. odd. " +
			"Nothing was changed. Correct it and send it again.": Invalid("slipway.yaml", []FieldError{
			{Field: "stages[0].deadline", Line: 3, Message: "is no duration"}, {Line: 4, Message: "is no YAML"},
			{Field: "name", Message: "is missing"}, {Message: "odd"}}),
		"2.0 does not go to prod. prod is frozen: Easter. Nothing was started.": Refuse("2.0 does not go to prod.",
			[]Verdict{{Result: Wait, Reason: "prod is frozen: Easter."}}),
		"It failed.": &Error{Code: CodeInternal, Message: "It failed.", Err: cause},
	} {
		if err.Error() != want {
			t.Errorf("it reads\n%s\nnot\n%s", err, want)
		}
	}
	if Invalid("x", nil) != nil || Refuse("x", nil) != nil {
		t.Error("nothing wrong is an error")
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	inner := &Error{Code: CodeUnavailable, Message: "x", Err: errors.New("cause")}
	for want, err := range map[Code]error{
		CodeUnavailable: fmt.Errorf("a: %w", fmt.Errorf("b: %w", inner)),
		CodeConflict:    errors.Join(errors.New("other"), Conflict("x", "y")),
		CodeInternal:    errors.New("anything"),
		CodeBlocked:     Refuse("x", wait),
		CodeInvalid:     Invalid("x", []FieldError{{}}),
		CodeNotFound:    &Error{Code: CodeNotFound, Err: inner}, // the outer one counts
	} {
		if got := CodeOf(err); got != want {
			t.Errorf("%v is %s, not %s", err, got, want)
		}
	}
	if !errors.Is(inner, inner.Err) {
		t.Error("the cause is lost")
	}
	if IsNotFound(nil) || IsNotFound(inner) || !IsNotFound(fmt.Errorf("x: %w", NotFound("a", "b"))) {
		t.Error("IsNotFound")
	}
}
