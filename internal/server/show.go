package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// settle turns an error into an answer while the writers of the outer layers
// are still in place.
func (s *Server) settle(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := next(c); err != nil {
			s.showError(c, err)
		}
		return nil
	}
}

// showError answers with an error in the form of the surface that was asked.
func (s *Server) showError(c echo.Context, err error) {
	ctx := c.Request().Context()
	s.logError(ctx, c, err)
	if c.Response().Committed {
		return
	}
	if owner := s.owners[c.Path()]; owner != nil && owner == s.people && slipway.CodeOf(err) == slipway.CodeUnauthenticated {
		err = s.signInAgain(c)
	} else {
		err = s.answerError(c, err)
	}
	if err == nil || c.Response().Committed {
		return
	}
	s.log.ErrorContext(ctx, "an error could not be shown", "error", err.Error())
	_ = c.String(http.StatusInternalServerError, "Slipway failed to answer. Request "+RequestID(ctx)+".\n")
}

// answerError lets the surface speak. If it panics over it, that must not be
// shown by the surface once more.
func (s *Server) answerError(c echo.Context, problem error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic while showing an error: %v", r)
		}
	}()
	if surface := s.surfaceOf(c); surface != nil {
		return surface.ShowError(c, problem)
	}
	return s.showPlainly(c, problem)
}

// showToPeople shows errors of the server's own routes.
func (s *Server) showToPeople(c echo.Context, problem error) error {
	if s.people != nil {
		return s.people.ShowError(c, problem)
	}
	return s.showPlainly(c, problem)
}

func (s *Server) showPlainly(c echo.Context, problem error) error {
	p := Describe(problem, RequestID(c.Request().Context()))
	return c.String(p.Status, fmt.Sprintf("%s %s %s\nRequest %s.\n", p.Message, p.Affected, p.Do, p.RequestID))
}

// logError logs what nobody else will be told. Refusals are answers and not
// worth a line of their own.
func (s *Server) logError(ctx context.Context, c echo.Context, err error) {
	switch {
	case errors.Is(err, errPanicked): // logged with its stack
	case errors.Is(err, context.Canceled):
		s.log.DebugContext(ctx, "the client went away", "route", s.pattern(c))
	case StatusOf(err) >= http.StatusInternalServerError:
		s.log.ErrorContext(ctx, "failed", "route", s.pattern(c), "error", causes(err))
	case causes(err) != err.Error():
		s.log.DebugContext(ctx, "refused", "route", s.pattern(c), "error", causes(err))
	}
}

// causes is the text of an error with that of the cause that an Error keeps
// back.
func causes(err error) string {
	text := err.Error()
	var ours *slipway.Error
	if errors.As(err, &ours) && ours.Err != nil {
		text += ": " + ours.Err.Error()
	}
	return text
}

// signInAgain sends somebody whose session has ended to the sign-in page, with
// the way back. A link leads where it led; a form leads back to the page it
// was on, where the browser still has what was typed, and "lost" lets the
// sign-in page say that nothing was sent.
func (s *Server) signInAgain(c echo.Context) error {
	r := c.Request()
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if r.Header.Get("HX-Request") == "true" {
		// htmx would put the sign-in page into a corner of this one.
		c.Response().Header().Set("HX-Redirect", signInPath(s.ownPath(r, r.Header.Get("HX-Current-URL")), !reads))
		return c.NoContent(http.StatusUnauthorized)
	}
	back := r.URL.RequestURI()
	if !reads {
		back = s.ownPath(r, r.Referer())
	}
	return c.Redirect(http.StatusSeeOther, signInPath(back, !reads))
}

func signInPath(back string, lost bool) string {
	query := url.Values{}
	if back != "" && back != "/" {
		query.Set("return", back)
	}
	if lost {
		query.Set("lost", "1")
	}
	if len(query) == 0 {
		return "/sign-in"
	}
	return "/sign-in?" + query.Encode()
}

// ownPath is the path and query of an address on this host, else empty.
func (s *Server) ownPath(r *http.Request, address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Host != s.origin.Host && u.Host != r.Host) {
		return ""
	}
	return u.RequestURI()
}
