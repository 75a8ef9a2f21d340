package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestStatusAndWordsOfErrors(t *testing.T) {
	t.Parallel()
	ours := func(code slipway.Code) error {
		return fmt.Errorf("promote: %w", &slipway.Error{Code: code, Message: "It is so.", Err: errors.New("s3cret")})
	}
	tests := []struct {
		err    error
		status int
		code   slipway.Code
	}{
		{nil, 200, slipway.CodeInternal},
		{ours(slipway.CodeInvalid), 422, slipway.CodeInvalid},
		{ours(slipway.CodeUnauthenticated), 401, slipway.CodeUnauthenticated},
		{ours(slipway.CodeDenied), 403, slipway.CodeDenied},
		{ours(slipway.CodeNotFound), 404, slipway.CodeNotFound},
		{ours(slipway.CodeConflict), 409, slipway.CodeConflict},
		{ours(slipway.CodeBlocked), 409, slipway.CodeBlocked},
		{ours(slipway.CodeUnavailable), 503, slipway.CodeUnavailable},
		{ours(slipway.CodeInternal), 500, slipway.CodeInternal},
		{errors.New("s3cret"), 500, slipway.CodeInternal},
		{echo.ErrNotFound, 404, slipway.CodeNotFound},
		{echo.ErrMethodNotAllowed, 405, CodeMethod},
		{echo.ErrUnsupportedMediaType, 422, slipway.CodeInvalid},
		{echo.NewHTTPError(http.StatusBadRequest, "s3cret"), 422, slipway.CodeInvalid},
		{echo.NewHTTPError(http.StatusTeapot, "s3cret"), 500, slipway.CodeInternal},
		{echo.NewHTTPError(http.StatusBadRequest).SetInternal(&http.MaxBytesError{Limit: 1}), 413, CodeTooLarge},
		{fmt.Errorf("s3cret: %w", context.DeadlineExceeded), 503, slipway.CodeUnavailable},
		{fmt.Errorf("s3cret: %w", context.Canceled), 503, slipway.CodeUnavailable},
	}
	for _, test := range tests {
		if got := StatusOf(test.err); got != test.status {
			t.Errorf("%v: status %d, want %d", test.err, got, test.status)
		}
		p := Describe(test.err, "REQ")
		if p.Code != test.code || p.RequestID != "REQ" || p.Message == "" || strings.Contains(p.Message+p.Affected+p.Do, "s3cret") {
			t.Errorf("%v: %+v", test.err, p)
		}
		if test.code == slipway.CodeInternal && strings.Contains(p.Message, "It is so.") {
			t.Errorf("%v: an internal error is shown with its text", test.err)
		}
	}
}

func TestDescribeKeepsWhatPeopleNeed(t *testing.T) {
	t.Parallel()
	p := Describe(&slipway.Error{
		Code: slipway.CodeBlocked, Message: "Production is locked.", Affected: "Nothing was started.", Do: "Ask Ana.",
		Fields: []slipway.FieldError{{Field: "to", Message: "is locked"}}, BlockedBy: []slipway.Verdict{{Reason: "locked by Ana"}},
	}, "REQ")
	if p.Status != 409 || p.Message != "Production is locked." || p.Affected != "Nothing was started." || p.Do != "Ask Ana." ||
		len(p.Fields) != 1 || len(p.BlockedBy) != 1 {
		t.Errorf("%+v", p)
	}
}
