package browser

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) board(c echo.Context) error {
	around, b, err := s.App.BoardPage(c.Request().Context(), server.ActorOf(c), app.BoardFilter{Team: c.QueryParam("team"), Query: c.QueryParam("q"), Mine: c.QueryParam("mine") != ""},
		slipway.Page{Cursor: c.QueryParam("cursor")})
	if err != nil {
		return err
	}
	sh := s.shellIn(c, around, "board", "Board", "board")
	v := boardView(b, c.QueryParams(), s.now(c))
	v.NeedsYou = sh.InboxCount
	if err := s.openPanel(c, &v, sh.Key); err != nil {
		return err
	}
	if v.FailedToday > 0 && sh.State == "" {
		sh.State, sh.Tone = "failed", component.Failed
	}
	return s.render(c, http.StatusOK, page.Board(sh, v))
}

func boardView(b app.Board, q url.Values, now time.Time) page.BoardView {
	v := page.BoardView{Team: q.Get("team"), CanRegister: true, Command: "slipway apply -f slipway.yaml",
		FrozenHref: "/settings/environments", FailedHref: with(q, "show", "failed"), RollingHref: with(q, "show", "rolling")}
	places := map[string]slipway.Environment{}
	for _, e := range b.Environments {
		v.Environments = append(v.Environments, e.Name)
		places[e.Name] = e
	}
	v.Frozen = closedWords(b, now)
	v.TeamOptions = teamOptions(b.Teams, v.Team)
	if b.Next != "" {
		v.NextHref = with(q, "cursor", b.Next)
	}
	titles := map[string]slipway.Team{}
	for _, t := range b.Teams {
		titles[t.Name] = t
	}
	show := q.Get("show")
	if show == "failed" || show == "rolling" {
		v.Note = "Only services with something " + show + " are shown."
	}
	teams := maps.Clone(q)
	delete(teams, "team")
	v.Mine, v.MineHref, v.AllHref = b.Mine, with(teams, "mine", "1"), with(teams, "mine", "")
	if note := mineNote(b, q); note != "" {
		v.Note = strings.TrimSpace(note + " " + v.Note)
	}
	for _, row := range b.Rows {
		cells := rowCells(row, v.Environments, places, b.Freezes, now)
		for i, st := range cells {
			if !st.Absent {
				cells[i].PanelHref = "/" + with(q, "panel", st.Service+"/"+st.Environment)
			}
		}
		v.FailedToday += failedToday(row, now)
		v.Rolling += rollingNow(row)
		if (show == "failed" && failedToday(row, now) == 0) || (show == "rolling" && rollingNow(row) == 0) {
			continue
		}
		v.Teams = addRow(v.Teams, titles[row.Service.Team], row, cells)
	}
	return v
}

// mineNote says why others' services are shown to who asked for their own.
func mineNote(b app.Board, q url.Values) string {
	switch {
	case q.Get("mine") == "" || b.Mine:
		return ""
	case len(b.OwnTeams) == 0:
		return "You have a role in no team, so the services of all teams are shown."
	default:
		return "Your teams, " + strings.Join(b.OwnTeams, ", ") + ", have no such service, so those of all teams are shown."
	}
}

// addRow puts a row under its team; services come ordered by team.
func addRow(teams []page.BoardTeam, team slipway.Team, row app.BoardRow, cells []component.Station) []page.BoardTeam {
	if n := len(teams); n == 0 || teams[n-1].Name != row.Service.Team {
		title := team.Title
		if title == "" {
			title = row.Service.Team
		}
		teams = append(teams, page.BoardTeam{Name: row.Service.Team, Title: title, OnCall: team.OnCall})
	}
	last := &teams[len(teams)-1]
	last.Services = append(last.Services, page.BoardService{Name: row.Service.Name, Href: servicePath(row.Service.Name), Note: rowNote(row), Cells: cells})
	return teams
}

// rowNote is how the last stage goes out, which is where it matters most.
func rowNote(row app.BoardRow) string {
	if len(row.Stages) == 0 {
		return "no pipeline yet"
	}
	last := row.Stages[len(row.Stages)-1]
	return last.Deployer.Name + " · " + strategyName(last.Strategy.Type)
}

func rowCells(row app.BoardRow, columns []string, places map[string]slipway.Environment, freezes []slipway.Freeze, now time.Time) []component.Station {
	return line("c-", row.Stages, columns, func(environment string) stop { return stopOf(row, environment, places, freezes, now) })
}

// stopOf gathers what is known of a row in one environment.
func stopOf(row app.BoardRow, environment string, places map[string]slipway.Environment, freezes []slipway.Freeze, now time.Time) stop {
	p := stop{service: row.Service.Name, environment: environment, state: row.States[environment], lock: places[environment].Lock, freezes: freezes, now: now}
	p.state.Environment = environment
	if d, ok := row.Active[environment]; ok {
		p.active = &d
	}
	return p
}

func failedToday(row app.BoardRow, now time.Time) (n int) {
	for _, st := range row.States {
		if st.Failure != nil && now.Sub(st.Failure.At) < 24*time.Hour {
			n++
		}
	}
	return n
}

func rollingNow(row app.BoardRow) (n int) {
	for _, d := range row.Active {
		if d.State != slipway.Waiting {
			n++
		}
	}
	return n
}

// closedWords names the environments where nothing new starts.
func closedWords(b app.Board, now time.Time) string {
	var parts []string
	for _, e := range b.Environments {
		if f := activeFreeze(b.Freezes, e.Name, now); f != nil {
			parts = append(parts, e.Name+" frozen until "+clock(f.Until, now))
		} else if e.Lock != nil {
			parts = append(parts, e.Name+" locked by "+e.Lock.OwnerName)
		}
	}
	return strings.Join(parts, ", ")
}

func teamOptions(teams []slipway.Team, chosen string) []component.Option {
	if len(teams) < 2 && chosen == "" {
		return nil
	}
	options := []component.Option{{Value: "", Label: "All teams", Selected: chosen == ""}}
	for _, t := range teams {
		options = append(options, component.Option{Value: t.Name, Label: t.Title, Selected: t.Name == chosen})
	}
	return options
}

// with is the address of this page with one parameter changed, and from the
// first page on unless it is the page that changes.
func with(q url.Values, name, value string) string {
	next := url.Values{}
	for key, values := range q {
		if key != "cursor" && len(values) > 0 && values[0] != "" {
			next.Set(key, values[0])
		}
	}
	next.Del(name)
	if value != "" {
		next.Set(name, value)
	}
	if len(next) == 0 {
		return "?"
	}
	return "?" + next.Encode()
}
