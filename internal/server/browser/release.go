package browser

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) release(c echo.Context) error { return s.showRelease(c, http.StatusOK, nil) }

// showRelease renders the release, also after a form of it was refused.
func (s *Surface) showRelease(c echo.Context, status int, refused *slipway.Error) error {
	name, version := c.Param("service"), c.Param("version")
	sh, err := s.shell(c, "board", name+" "+version, "service:"+name)
	if err != nil {
		return err
	}
	p, err := s.App.Release(c.Request().Context(), server.ActorOf(c), name, version)
	if err != nil {
		return err
	}
	v := releaseView(p, s.now(c))
	v.Key, v.Reason = sh.Key, c.FormValue("reason")
	if refused != nil {
		v.Error = sentenceWithFields(refused)
		v.WhyNot = append(blocks(refused.BlockedBy), v.WhyNot...)
	}
	return s.render(c, status, page.Release(sh, v))
}

func releaseView(p app.ReleasePage, now time.Time) page.ReleaseView {
	r := p.Release
	v := page.ReleaseView{Team: p.Service.Team, Service: r.Service, Version: r.Version, CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy,
		Notes: r.Content.Notes, CanBlock: p.MayBlock == "", Recent: deploymentRows(p.Deployments), Undoable: r.Content.Reversible,
		Reversible: "Yes. What was there before still fits after it.", Config: releaseFacts(r), Provenance: provenance(r.Content.Provenance)}
	if !r.Content.Reversible {
		v.Reversible = "No. It changes something outside, a database for instance, that older releases may not fit. Going back has to be confirmed."
	}
	for _, a := range r.Content.Artifacts {
		v.Artifacts = append(v.Artifacts, page.Artifact{Name: a.Name, Reference: a.Reference, Digest: a.Digest})
	}
	if r.Content.Commit != "" {
		v.Commit = component.Commit{SHA: shortSHA(r.Content.Commit)}
	}
	v.Commits, v.More = commits(r.Content.Changes, 100)
	v.CommitHelp = "Send them with the release: its changes are a list of commit, subject and author."
	if b := r.Blocked; b != nil {
		v.Blocked, v.BlockedBy, v.BlockedAt = b.Reason, b.By, b.Since
	}
	for _, d := range p.Deployments {
		if v.Previous == "" && d.Plan.From != nil && d.Plan.From.Version != r.Version {
			v.Previous = d.Plan.From.Version
		}
	}
	releasePlaces(&v, p, now)
	return v
}

// releasePlaces says where the release is, and where it may go.
func releasePlaces(v *page.ReleaseView, p app.ReleasePage, now time.Time) {
	states := map[string]slipway.StageState{}
	for _, st := range p.Stages {
		states[st.Environment] = st
	}
	var serves []string
	chosen := false // the first place where it is not yet
	for _, stage := range p.Pipeline.Stages {
		at := stop{service: v.Service, environment: stage.Environment, state: states[stage.Environment], now: now}
		st := at.station("w-")
		if live := at.state.Live; live != nil && live.Spec.Version == v.Version {
			serves = append(serves, stage.Environment)
		} else {
			st.State, st.Detail, st.DetailHref = component.None, "another release", ""
			if live == nil {
				st.Detail = "never released"
			}
		}
		v.Runs = append(v.Runs, st)
		option := component.Option{Value: stage.Environment, Label: stage.Environment}
		if whyNot := p.MayPromote[stage.Environment]; whyNot != "" {
			option.Disabled, option.Note = true, "you may not"
			v.WhyNot = append(v.WhyNot, why("Permission", whyNot)...)
		} else {
			v.CanPromote = true
			live := at.state.Live != nil && at.state.Live.Spec.Version == v.Version
			if live {
				option.Note = "live there"
			}
			option.Selected = !live && !chosen
			chosen = chosen || option.Selected
		}
		v.Targets = append(v.Targets, option)
	}
	if v.CanPromote {
		v.WhyNot = nil // the list says of each environment whether it can be chosen
	}
	v.State, v.Word = component.None, "not live anywhere"
	if len(serves) > 0 {
		v.State, v.Word = component.Live, "live in "+strings.Join(serves, ", ")
	}
	if v.Blocked != "" {
		v.State, v.Word, v.CanPromote = component.Frozen, v.Word+", blocked", false
		v.WhyNot = why("Block", "The release is blocked: "+v.Blocked)
	}
}

func releaseFacts(r slipway.Release) []page.Fact {
	var facts []page.Fact
	for _, key := range slices.Sorted(maps.Keys(r.Content.Config)) {
		facts = append(facts, page.Fact{Name: key, Text: r.Content.Config[key], Mono: true})
	}
	if href := r.Content.Provenance.RunURL; href != "" {
		facts = append(facts, page.Fact{Name: "Build", Text: href, Href: href})
	}
	return facts
}

// provenance is what the creator of the release said of where it came from.
// Nobody has verified it, and the page does not look as if.
func provenance(p slipway.Provenance) []component.Check {
	var rows []component.Check
	if p.Builder != "" {
		rows = append(rows, component.Check{State: component.Unknown, Strong: "Built by " + p.Builder + ".", Text: "Told with the release, not verified.", Note: "builder"})
	}
	if p.Source != "" {
		rows = append(rows, component.Check{State: component.Unknown, Strong: "Built from " + p.Source + ".", Text: "Told with the release, not verified.", Note: "source"})
	}
	return rows
}

func (s *Surface) promoteRelease(c echo.Context) error {
	d, err := s.App.Promote(c.Request().Context(), server.ActorOf(c), app.Promote{Once: once(c), Service: c.Param("service"),
		Version: c.Param("version"), Environment: text(c, "environment"), Note: text(c, "note")})
	if e, status, ok := refusal(err); ok {
		return s.showRelease(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.started(c, d)
}

func (s *Surface) blockRelease(c echo.Context) error { return s.setBlocked(c, false) }

func (s *Surface) unblockRelease(c echo.Context) error { return s.setBlocked(c, true) }

func (s *Surface) setBlocked(c echo.Context, unblock bool) error {
	r, err := s.App.BlockRelease(c.Request().Context(), server.ActorOf(c), app.BlockRelease{Once: once(c), Service: c.Param("service"),
		Version: c.Param("version"), Reason: text(c, "reason"), Unblock: unblock})
	if e, status, ok := refusal(err); ok {
		return s.showRelease(c, status, e)
	}
	if err != nil {
		return err
	}
	said := r.Version + " is blocked: nobody can promote it. Where it runs it goes on running."
	if unblock {
		said = r.Version + " may be promoted again."
	}
	return s.done(c, releasePath(r.Service, r.Version), said, component.Link{})
}
