package browser

import (
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

// shownEnded is for how long a change that has ended stays on the page.
const shownEnded = 24 * time.Hour

// secretChanges are those that wait, and those that ended lately.
func (s *Surface) secretChanges(c echo.Context, service string) ([]page.SecretChange, error) {
	found, err := s.App.SecretProposals(c.Request().Context(), server.ActorOf(c), service)
	var list []page.SecretChange
	for _, p := range found {
		if p.EndedAt == nil || s.now(c).Sub(*p.EndedAt) < shownEnded {
			list = append(list, secretChange(p))
		}
	}
	return list, err
}

// changeWords is what a change does, by name.
func changeWords(p app.ProposalView) string {
	if len(p.Versions) > 0 {
		var numbers []string
		for _, v := range p.Versions {
			numbers = append(numbers, strconv.Itoa(v))
		}
		text := p.Verb + " version " + strings.Join(numbers, ", ")
		if p.Action == "destroyed" {
			text += " for good"
		}
		return text
	}
	text := p.Verb + " " + strings.Join(p.Keys, ", ")
	if p.Replace {
		text += " and nothing else"
	}
	if len(p.Restricts) > 0 {
		text += ", with " + strings.Join(p.Restricts, ", ") + " restricted"
	}
	if len(p.Lifts) > 0 {
		text += ", and lifts the restriction of " + strings.Join(p.Lifts, ", ")
	}
	return text
}

func secretChange(p app.ProposalView) page.SecretChange {
	v := page.SecretChange{ID: id(p.ID), Environment: p.Environment, What: upperFirst(changeWords(p)), Over: strconv.Itoa(p.Over), AskedBy: who(p.RequestedBy), AskedAt: p.CreatedAt,
		State: component.None, Word: string(p.State), Need: p.Message, Expires: p.Expires(), Digest: p.Digest, DigestShort: slipway.ShortDigest(p.Digest)}
	if len(p.Versions) > 0 {
		v.Over = "" // it is of versions itself
	}
	switch p.State {
	case slipway.ProposalPending:
		v.State, v.Need, v.WhyNot = component.Waiting, p.Verdict.Reason, p.VoteWhyNot
		v.CanApprove, v.CanReject, v.CanWithdraw = p.VoteWhyNot == "", p.MayReject == "", p.Mine
		if v.WhyNot != "" {
			v.WhyNot = "You cannot approve it: " + strings.TrimSuffix(v.WhyNot, ".") + "."
		}
	case slipway.ProposalApproved:
		v.State = component.Rolling
	case slipway.ProposalApplied:
		v.State = component.Live
	case slipway.ProposalRejected, slipway.ProposalVoid:
		v.State = component.Failed
	}
	return v
}

// decideSecrets runs one of the buttons of a change and leads back to the page.
func (s *Surface) decideSecrets(c echo.Context, do func(app.DecideSecrets) (slipway.SecretProposal, error)) error {
	n, err := number(c, "change")
	if err != nil {
		return err
	}
	p, err := do(app.DecideSecrets{Once: once(c), Proposal: n, Digest: text(c, "digest"), Comment: text(c, "reason")})
	if err != nil {
		return s.secretRefused(c, err)
	}
	return s.done(c, secretsPath(p.Service, p.Environment), "Change "+id(p.ID)+" is "+string(p.State)+". "+p.Message, component.Link{})
}

func (s *Surface) approveSecrets(c echo.Context) error {
	return s.decideSecrets(c, func(d app.DecideSecrets) (slipway.SecretProposal, error) {
		return s.App.ApproveSecrets(c.Request().Context(), server.ActorOf(c), d)
	})
}

func (s *Surface) rejectSecrets(c echo.Context) error {
	return s.decideSecrets(c, func(d app.DecideSecrets) (slipway.SecretProposal, error) {
		return s.App.RejectSecrets(c.Request().Context(), server.ActorOf(c), d)
	})
}

func (s *Surface) withdrawSecrets(c echo.Context) error {
	return s.decideSecrets(c, func(d app.DecideSecrets) (slipway.SecretProposal, error) {
		return s.App.WithdrawSecrets(c.Request().Context(), server.ActorOf(c), d)
	})
}
