package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Problem is an error as RFC 9457 has it, with members of our own. Clients
// decide by code, people read detail.
type Problem struct {
	Type      string         `json:"type" doc:"Always about:blank: the code says which problem it is." example:"about:blank"`
	Title     string         `json:"title" doc:"The status in words."`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"What happened, what is affected, what to do."`
	Instance  string         `json:"instance" doc:"The path that was asked for."`
	Code      string         `json:"code" doc:"Stable name of the kind of problem." enum:"invalid,unauthenticated,denied,not_found,conflict,blocked,unavailable,internal,method_not_allowed,too_large,rate_limited,precondition_failed,unsupported_media_type"`
	RequestID string         `json:"requestId" doc:"Names the request in the log."`
	Message   string         `json:"message" doc:"What happened."`
	Affected  string         `json:"affected,omitempty" doc:"What is, and what is not, touched by it."`
	Do        string         `json:"do,omitempty" doc:"What to do about it."`
	Errors    []FieldProblem `json:"errors,omitempty" doc:"Faults of the input, one by one."`
	BlockedBy []Verdict      `json:"blockedBy,omitempty" doc:"What blocks, since when, until when, who can change it."`
}

// FieldProblem is one fault of an input.
type FieldProblem struct {
	Field   string `json:"field" doc:"Dotted path in the body or file, or the name of a parameter."`
	Line    int    `json:"line,omitempty" doc:"Line of the file that was sent."`
	Message string `json:"message"`
}

// Codes that only exist here.
const (
	codePrecondition slipway.Code = "precondition_failed"
	codeMediaType    slipway.Code = "unsupported_media_type"
)

// special is an error with a status that only HTTP knows. Within it is one that
// everybody knows, so that logs and metrics do too.
type special struct {
	status int
	code   slipway.Code
	err    *slipway.Error
}

func (e *special) Error() string { return e.err.Error() }
func (e *special) Unwrap() error { return e.err }

// preconditionFailed is the answer to an If-Match that no longer matches.
func preconditionFailed(what string) error {
	return &special{http.StatusPreconditionFailed, codePrecondition, slipway.Conflict(
		what+" is not what If-Match or If-None-Match says.", "Read it again, then send your change with its new ETag.")}
}

func wrongMediaType(accepted ...string) error {
	return &special{http.StatusUnsupportedMediaType, codeMediaType, &slipway.Error{Code: slipway.CodeInvalid,
		Message: "The body has a content type that is not taken here.", Affected: "Nothing was changed.",
		Do: "Send " + strings.Join(accepted, ", ") + "."}}
}

// ShowError answers with an error as application/problem+json.
func (s *Surface) ShowError(c echo.Context, err error) error {
	if c.Response().Committed {
		return nil // half of an export is out; the connection ends without the rest
	}
	p := problemOf(err, c)
	h := c.Response().Header()
	if p.Status == http.StatusUnauthorized {
		challenge := `Bearer realm="slipway"`
		if c.Request().Header.Get(echo.HeaderAuthorization) != "" {
			challenge += `, error="invalid_token"`
		}
		h.Set(echo.HeaderWWWAuthenticate, challenge)
	}
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	encoded, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return c.Blob(p.Status, "application/problem+json", append(encoded, '\n'))
}

func problemOf(err error, c echo.Context) Problem {
	d := server.Describe(err, server.RequestID(c.Request().Context()))
	p := Problem{Type: "about:blank", Status: d.Status, Code: string(d.Code), Instance: c.Request().URL.Path, RequestID: d.RequestID,
		Message: d.Message, Affected: d.Affected, Do: d.Do, BlockedBy: verdicts(d.BlockedBy)}
	var own *special
	if errors.As(err, &own) {
		p.Status, p.Code = own.status, string(own.code)
	}
	p.Title = http.StatusText(p.Status)
	parts := []string{d.Message}
	for _, f := range d.Fields {
		p.Errors = append(p.Errors, FieldProblem{Field: f.Field, Line: f.Line, Message: f.Message})
		parts = append(parts, f.String())
	}
	for _, b := range d.BlockedBy {
		parts = append(parts, b.Reason)
	}
	for _, part := range []string{d.Affected, d.Do} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	p.Detail = strings.Join(parts, " ")
	return p
}

// translated makes what huma says of a request an error of ours. It never
// repeats the value: that may be a secret.
func translated(e *huma.ErrorModel) error {
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		return &slipway.Error{Code: server.CodeTooLarge, Message: "The request is too large.", Affected: "Nothing was changed.", Do: atMost(e.Detail)}
	case http.StatusUnsupportedMediaType:
		return wrongMediaType("application/json")
	case http.StatusRequestTimeout:
		return &slipway.Error{Code: slipway.CodeUnavailable, Message: "The body did not arrive in time.", Affected: "Nothing was changed.", Do: "Send it again."}
	}
	if e.Status >= http.StatusInternalServerError {
		return errors.New(e.Detail)
	}
	var faults []slipway.FieldError
	for _, d := range e.Errors {
		if d != nil {
			faults = append(faults, faultOf(d))
		}
	}
	if len(faults) == 0 {
		faults = []slipway.FieldError{{Field: "body", Message: e.Detail}}
	}
	return slipway.Invalid("The request", faults)
}

// atMost says how much is taken, where huma says it.
func atMost(detail string) string {
	var limit int64
	if _, err := fmt.Sscanf(detail, "request body is too large limit=%d bytes", &limit); err != nil {
		return "Send less at once."
	}
	return fmt.Sprintf("Send at most %d KiB here.", limit>>10)
}

// faultOf names what is missing, rather than what it is missing from.
func faultOf(d *huma.ErrorDetail) slipway.FieldError {
	f := slipway.FieldError{Field: fieldOf(d.Location), Message: d.Message}
	missing, found := strings.CutPrefix(d.Message, "expected required property ")
	missing, ended := strings.CutSuffix(missing, " to be present")
	if !found || !ended {
		return f
	}
	if f.Field != "body" {
		missing = f.Field + "." + missing
	}
	return slipway.FieldError{Field: missing, Message: "is missing"}
}

// fieldOf is where a fault is, without the word for the part of the request
// unless nothing else is known.
func fieldOf(location string) string {
	for _, part := range []string{"body.", "query.", "path.", "header."} {
		if field, ok := strings.CutPrefix(location, part); ok {
			return field
		}
	}
	return location
}
