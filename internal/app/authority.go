package app

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

var _ slipway.Approvers = (*App)(nil)

// aids are what gates are judged with.
func (a *App) aids() slipway.Aids {
	return slipway.Aids{Approvers: a, Calendars: a.Calendars}
}

// StillMay looks at an approver as they are known today: an approval does not
// outlive the right to give it. Groups are those of the last sign-in.
func (a *App) StillMay(ctx context.Context, tx slipway.Tx, v slipway.Vote, g slipway.ApprovalGate, d slipway.Deployment) (whyNot string, err error) {
	u, err := tx.People().User(ctx, v.By)
	switch {
	case slipway.IsNotFound(err):
		return "there is no such account any more", nil
	case err != nil:
		return "", err
	case u.Disabled:
		return "the account is disabled", nil
	}
	s, err := tx.Services().Get(ctx, d.Service)
	if err != nil {
		return "", err
	}
	voter := slipway.Actor{Kind: slipway.ActorUser, ID: u.ID, Name: u.Name, Groups: u.Groups, Via: v.Via}
	bindings, err := a.bindings(ctx, tx, voter)
	if err != nil {
		return "", err
	}
	may := policy.Decide(policy.Input{Actor: voter, Bindings: bindings, Permission: slipway.DeploymentApprove, Resource: s.Resource(d.Environment)})
	switch {
	case !may.Allowed:
		return v.ByName + " may not approve there any more", nil
	case len(g.Groups) > 0 && !voter.InGroup(g.Groups):
		return v.ByName + " belongs to none of " + strings.Join(g.Groups, ", ") + " any more", nil
	default:
		return "", nil
	}
}
