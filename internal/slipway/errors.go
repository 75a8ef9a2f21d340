package slipway

import (
	"errors"
	"fmt"
	"strings"
)

// Code is the stable, machine-readable kind of an Error.
type Code string

// The codes. Surfaces map each to a status of their own.
const (
	CodeInvalid         Code = "invalid"         // the input is wrong; Fields say where
	CodeUnauthenticated Code = "unauthenticated" // nobody is signed in
	CodeDenied          Code = "denied"          // signed in, but may not
	CodeNotFound        Code = "not_found"
	CodeConflict        Code = "conflict" // the state it was meant for is gone
	CodeBlocked         Code = "blocked"  // gates, locks, freezes; BlockedBy says which
	CodeUnavailable     Code = "unavailable"
	CodeInternal        Code = "internal" // its text stays in the log
)

// Error is the one error type people read: what happened, what is affected,
// what to do. Every other error is internal and is shown without its text.
type Error struct {
	Code      Code
	Message   string // what happened
	Affected  string // what is, and what is not, touched by it
	Do        string // what to do about it
	Fields    []FieldError
	BlockedBy []Verdict
	Err       error // the cause, for the log only
}

// FieldError is one fault of an input. Field is dotted
// ("stages[1].strategy.type"); Line is the line of the source, 0 if unknown.
type FieldError struct {
	Field   string `json:"field"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

func (e *Error) Error() string {
	parts := []string{e.Message}
	for _, f := range e.Fields {
		parts = append(parts, f.String())
	}
	for _, b := range e.BlockedBy {
		parts = append(parts, b.Reason)
	}
	if e.Affected != "" {
		parts = append(parts, e.Affected)
	}
	if e.Do != "" {
		parts = append(parts, e.Do)
	}
	return strings.Join(parts, " ")
}

func (e *Error) Unwrap() error { return e.Err }

// String prints the fault with its line where there is one.
func (f FieldError) String() string {
	text := f.Message
	if !strings.HasSuffix(text, "?") {
		text += "."
	}
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	if f.Line > 0 {
		text = fmt.Sprintf("line %d: %s", f.Line, text)
	}
	return text
}

// CodeOf returns the code of err: CodeInternal for anything but an Error.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// IsNotFound reports whether err says that something does not exist.
func IsNotFound(err error) bool { return err != nil && CodeOf(err) == CodeNotFound }

// NotFound says that there is no such kind of thing by that name.
func NotFound(kind, name string) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf("There is no %s %q.", kind, name)}
}

// Conflict says that the state the request was made for is gone.
func Conflict(message, do string) *Error {
	return &Error{Code: CodeConflict, Message: message, Do: do}
}

// Invalid gathers the faults of an input; nil if there are none.
func Invalid(what string, fields []FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{
		Code: CodeInvalid, Message: what + " was not accepted.", Fields: fields,
		Affected: "Nothing was changed.", Do: "Correct it and send it again.",
	}
}
