package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Codes that only exist on the way in: no use case gives them.
const (
	CodeMethod   slipway.Code = "method_not_allowed"
	CodeTooLarge slipway.Code = "too_large"
	CodeTooMany  slipway.Code = "rate_limited"
)

// Problem is an error as a surface shows it.
type Problem struct {
	Status    int
	Code      slipway.Code
	Message   string // what happened
	Affected  string
	Do        string
	Fields    []slipway.FieldError
	BlockedBy []slipway.Verdict
	RequestID string
}

// StatusOf is the HTTP status of an error; 200 for none.
func StatusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	switch translated(err).Code {
	case slipway.CodeInvalid:
		return http.StatusUnprocessableEntity
	case slipway.CodeUnauthenticated:
		return http.StatusUnauthorized
	case slipway.CodeDenied:
		return http.StatusForbidden
	case slipway.CodeNotFound:
		return http.StatusNotFound
	case slipway.CodeConflict, slipway.CodeBlocked:
		return http.StatusConflict
	case slipway.CodeUnavailable:
		return http.StatusServiceUnavailable
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeTooMany:
		return http.StatusTooManyRequests
	default:
		return http.StatusInternalServerError
	}
}

// Describe says what people may know of an error. The text of one that is not
// ours stays in the log, under the id of the request.
func Describe(err error, requestID string) Problem {
	e := translated(err)
	return Problem{
		Status: StatusOf(err), Code: e.Code, Message: e.Message, Affected: e.Affected, Do: e.Do,
		Fields: e.Fields, BlockedBy: e.BlockedBy, RequestID: requestID,
	}
}

// translated makes every error one of ours.
func translated(err error) *slipway.Error {
	var ours *slipway.Error
	if errors.As(err, &ours) && ours.Code != slipway.CodeInternal {
		return ours
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return errTooLarge()
	}
	var echos *echo.HTTPError
	if errors.As(err, &echos) {
		if known := ofStatus(echos.Code); known != nil {
			return known
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &slipway.Error{Code: slipway.CodeUnavailable, Message: "Slipway did not answer in time.", Do: "Try again in a moment."}
	case errors.Is(err, context.Canceled):
		return &slipway.Error{Code: slipway.CodeUnavailable, Message: "The request was given up before it was answered.", Do: "Try again."}
	}
	return &slipway.Error{
		Code: slipway.CodeInternal, Message: "Slipway failed to answer: a fault of ours.",
		Affected: "What was asked for was most likely not done; look before you repeat it.",
		Do:       "Give the request id to whoever runs this Slipway. Its log says what happened.",
	}
}

// ofStatus says what the router and the parsers mean; nil if it is no more
// than a number to us.
func ofStatus(status int) *slipway.Error {
	switch status {
	case http.StatusNotFound:
		return &slipway.Error{Code: slipway.CodeNotFound, Message: "There is nothing at this address.", Do: "Check the address, or start from the board."}
	case http.StatusMethodNotAllowed:
		return &slipway.Error{Code: CodeMethod, Message: "This address does not take this kind of request.", Affected: "Nothing was changed."}
	case http.StatusRequestEntityTooLarge:
		return errTooLarge()
	case http.StatusTooManyRequests:
		return errTooMany()
	case http.StatusUnauthorized:
		return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "You are not signed in.", Do: "Sign in, or send a token."}
	case http.StatusForbidden:
		return &slipway.Error{Code: slipway.CodeDenied, Message: "That is not allowed."}
	case http.StatusServiceUnavailable:
		return &slipway.Error{Code: slipway.CodeUnavailable, Message: "Slipway cannot answer at the moment.", Do: "Try again in a moment."}
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return &slipway.Error{Code: slipway.CodeInvalid, Message: "The request could not be read.", Affected: "Nothing was changed.", Do: "Check its form and its content type."}
	default:
		return nil
	}
}

func errTooLarge() *slipway.Error {
	return &slipway.Error{Code: CodeTooLarge, Message: "The request is too large.", Affected: "Nothing was changed.", Do: "Send at most 1 MiB, and 512 KiB in a form."}
}

func errTooMany() *slipway.Error {
	return &slipway.Error{Code: CodeTooMany, Message: "There are too many requests from your address.", Affected: "This one was not looked at.", Do: "Wait a moment, or sign in."}
}
