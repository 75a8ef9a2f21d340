package browser

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) compare(c echo.Context) error {
	name := c.Param("service")
	sh, err := s.shell(c, "board", "compare "+name)
	if err != nil {
		return err
	}
	from, to := text(c, "from"), text(c, "to")
	p, err := s.App.Compare(c.Request().Context(), server.ActorOf(c), name, from, to)
	if err != nil {
		return err
	}
	v := compareView(p, s.now(c))
	v.FromOptions, v.ToOptions = sides(p, from), sides(p, to)
	return s.render(c, http.StatusOK, page.Compare(sh, v))
}

func compareView(p app.Comparison, now time.Time) page.CompareView {
	v := page.CompareView{Team: p.Service.Team, Service: p.Service.Name, Chosen: p.From.Name != "" && p.To.Name != ""}
	if !v.Chosen {
		return v
	}
	v.From, v.To = sideStation(p.From, now), sideStation(p.To, now)
	for _, missing := range []string{p.From.Missing, p.To.Missing} {
		if missing != "" {
			v.Missing = missing
			return v
		}
	}
	v.Changes, v.Summary = changes(p.Changes), summary(p.Changes, len(p.Commits))
	v.Commits, v.More = commits(p.Commits, 50)
	if len(p.Changes) == 0 {
		v.Identical = "Identical: the same artifacts and settings."
	}
	if p.To.Kind == "environment" && p.From.Spec.Seq > p.To.Spec.Seq {
		v.Promote = component.Link{Text: "Promote " + p.From.Version + " to " + p.To.Name,
			Href: stagePath(v.Service, p.To.Name) + "?" + url.Values{"version": {p.From.Version}}.Encode()}
	}
	return v
}

// sideStation draws one side. It is what went live last, or what a release was
// made of; neither says what runs at this moment.
func sideStation(side app.Side, now time.Time) component.Station {
	st := component.Station{Version: side.Version, State: component.None, Detail: "as it was released"}
	if side.Live != nil {
		st.Detail = "went live in " + side.Name + " " + component.Age(now.Sub(side.Live.Since)) + " ago"
	}
	if side.Missing != "" {
		st.Detail = side.Missing
	}
	return st
}

func sides(p app.Comparison, chosen string) []component.Option {
	options := []component.Option{{Value: "", Label: "Choose", Selected: chosen == ""}}
	for _, stage := range p.Stages {
		options = append(options, component.Option{Value: stage.Environment, Label: stage.Environment, Note: "environment", Selected: chosen == stage.Environment})
	}
	for _, r := range p.Releases {
		options = append(options, component.Option{Value: r.Version, Label: r.Version, Selected: chosen == r.Version})
	}
	return options
}
