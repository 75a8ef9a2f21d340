package browser

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) inbox(c echo.Context) error {
	sh, err := s.shell(c, "inbox", "Inbox")
	if err != nil {
		return err
	}
	in, err := s.App.Inbox(c.Request().Context(), server.ActorOf(c))
	if err != nil {
		return err
	}
	v := page.InboxView{Key: sh.Key, Note: freezeNote(in.Freezes, s.now(c))}
	mine := map[int64]bool{}
	for _, item := range in.Decide {
		mine[item.Deployment.ID] = true
		row := inboxItem(item)
		row.CanApprove = true
		v.Waiting = append(v.Waiting, row)
	}
	for _, item := range in.Asked {
		if !mine[item.Deployment.ID] {
			v.Asked = append(v.Asked, inboxItem(item))
		}
	}
	for _, item := range in.Decided {
		v.Decided = append(v.Decided, inboxItem(item))
	}
	for _, p := range in.Secrets {
		v.Changes = append(v.Changes, page.InboxChange{Href: secretsPath(p.Service, p.Environment) + "#change-" + id(p.ID), Service: p.Service, Environment: p.Environment,
			What: changeWords(p), AskedBy: p.RequestedBy.Name, Need: p.Verdict.Reason, Deadline: p.Expires()})
	}
	return s.render(c, http.StatusOK, page.Inbox(sh, v))
}

func inboxItem(item app.InboxItem) page.InboxItem {
	d := item.Deployment
	row := page.InboxItem{ID: id(d.ID), Href: deploymentPath(d), Service: d.Service, Environment: d.Environment, Cause: string(d.Cause),
		To: d.Version, AskedBy: who(d.RequestedBy), Note: d.Note, AskedAt: d.CreatedAt, Deadline: deadline(d), Need: stateWord(d),
		State: deploymentState(d), Result: d.Message, DecidedAt: timeOf(d.EndedAt), Summary: summary(item.Changes, len(item.Release.Content.Changes)),
		Changes: changes(item.Changes), Plan: d.PlanDigest, PlanShort: slipway.ShortDigest(d.PlanDigest)}
	if d.Plan.From != nil {
		row.From = d.Plan.From.Version
	}
	row.Commits, row.MoreCommits = commits(item.Release.Content.Changes, shownCommits)
	return row
}

// deadline is when an unanswered question ends; zero if it has no end.
func deadline(d slipway.Deployment) time.Time {
	if d.State != slipway.Waiting {
		return time.Time{}
	}
	var first time.Time
	for _, g := range d.Plan.Gates {
		if g.Approval == nil || g.Approval.Expires == 0 {
			continue
		}
		if end := d.CreatedAt.Add(time.Duration(g.Approval.Expires)); first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first
}

// freezeNote tells people without work when the next freeze begins or ends.
func freezeNote(freezes []slipway.Freeze, now time.Time) string {
	if len(freezes) == 0 {
		return ""
	}
	f := freezes[0]
	if f.Active(now) {
		return f.Environment + " is frozen until " + clock(f.Until, now) + "."
	}
	return "The next freeze, of " + f.Environment + ", begins " + clock(f.From, now) + "."
}
