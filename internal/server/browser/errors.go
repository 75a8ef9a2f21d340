package browser

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/layout"
	"github.com/slipway-dev/slipway/web/page"
)

// ShowError answers with an error as a page, or as a part of one for htmx.
func (s *Surface) ShowError(c echo.Context, err error) error {
	if c.Response().Committed {
		return nil // half of an export is out; the connection ends without the rest
	}
	noStore(c)
	if server.ActorOf(c).ID == "" {
		_ = s.Authenticate(c) // a path of nobody's: the frame is nicer with a name, but does without
	}
	p := server.Describe(err, server.RequestID(c.Request().Context()))
	if p.Code == slipway.CodeUnauthenticated {
		return s.showDoor(c, p.Status, p.Message+" "+p.Do)
	}
	v := errorView(p)
	v.At = s.now(c)
	if p.Status == http.StatusNotFound {
		v.Near = s.near(c)
	}
	if strings.HasPrefix(c.Request().URL.Path, "/settings/") { // what is left for those who may not see this part
		v.Actions = append(v.Actions, component.Link{Text: "Environments", Href: "/settings/environments"},
			component.Link{Text: "API tokens", Href: "/settings/tokens"}, component.Link{Text: "Appearance", Href: "/settings/appearance"})
	}
	sh := s.errorShell(c, v.Title)
	if p.Status >= http.StatusInternalServerError {
		sh.State, sh.Tone = "failed", component.Failed
	}
	if byScript(c) {
		return s.render(c, p.Status, page.ErrorBody(sh, v))
	}
	return s.render(c, p.Status, page.Error(sh, v))
}

// errorShell is the frame of an error page. It may be the very database that
// fails, so it does without what cannot be had.
func (s *Surface) errorShell(c echo.Context, title string) layout.Shell {
	sh := s.frame(c, title)
	actor := server.ActorOf(c)
	if actor.ID == "" {
		return sh
	}
	waiting, err := s.App.InboxCount(c.Request().Context(), actor)
	if err != nil {
		waiting = 0
	}
	s.address(c, &sh, waiting)
	return sh
}

func errorView(p server.Problem) page.ErrorView {
	faults := make([]string, len(p.Fields))
	for i, f := range p.Fields {
		faults[i] = f.String()
	}
	return page.ErrorView{Code: p.Status, Title: strings.TrimSuffix(p.Message, "."), Happened: strings.Join(faults, " "), Affected: p.Affected, Do: p.Do,
		Blocks: blocks(p.BlockedBy), RequestID: p.RequestID, Actions: []component.Link{{Text: "Board", Href: "/"}}}
}

// near looks for services with a name like the one in the address.
func (s *Surface) near(c echo.Context) []component.Link {
	rest, ok := strings.CutPrefix(c.Request().URL.Path, "/s/")
	name, _, _ := strings.Cut(rest, "/")
	actor := server.ActorOf(c)
	if !ok || actor.ID == "" || len(name) < 3 {
		return nil
	}
	const shown = 5
	for n := len(name); n >= 3; n = n * 2 / 3 {
		found, _, err := s.App.Services(c.Request().Context(), actor, slipway.ServiceFilter{Query: name[:n]}, slipway.Page{Limit: shown})
		if err != nil {
			return nil
		}
		if len(found) > 0 {
			links := make([]component.Link, len(found))
			for i, f := range found {
				links[i] = component.Link{Text: f.Name, Href: servicePath(f.Name)}
			}
			return links
		}
	}
	return nil
}

// refusal returns the error as what a form shows above itself, and the status;
// ok is false for what only an error page can say.
func refusal(err error) (e *slipway.Error, status int, ok bool) {
	if !errors.As(err, &e) {
		return nil, 0, false
	}
	switch e.Code {
	case slipway.CodeInvalid, slipway.CodeDenied, slipway.CodeConflict, slipway.CodeBlocked, slipway.CodeUnavailable:
		return e, server.StatusOf(err), true
	default:
		return nil, 0, false
	}
}

// sentence is a refusal in one line, without what is shown in places of its own.
func sentence(e *slipway.Error) string {
	if e == nil {
		return ""
	}
	parts := []string{e.Message}
	for _, part := range []string{e.Affected, e.Do} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

// sentenceWithFields is for forms that have no place beside the field.
func sentenceWithFields(e *slipway.Error) string {
	if e == nil {
		return ""
	}
	bare := *e
	bare.BlockedBy = nil
	return bare.Error()
}

// fieldError finds what is wrong with a field of a refused form.
func fieldError(e *slipway.Error, fields ...string) string {
	if e == nil {
		return ""
	}
	for _, f := range e.Fields {
		for _, name := range fields {
			if f.Field == name || strings.HasPrefix(f.Field, name+"[") || strings.HasPrefix(f.Field, name+".") {
				return upperFirst(strings.TrimSuffix(f.Message, ".")) + "."
			}
		}
	}
	return ""
}
