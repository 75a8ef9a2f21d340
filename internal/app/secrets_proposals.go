package app

import (
	"context"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// ProposalView is a proposed change of secrets, without its values.
type ProposalView struct {
	slipway.SecretProposal
	Verdict    slipway.Verdict // of the approvals that it has
	VoteWhyNot string          // why an approval of the asker would not count
	MayReject  string          // why not
	Mine       bool
}

// proposal loads one, for whoever has the permission there. Names of keys are in
// it, so to who may not list them it is as if it did not exist.
func (a *App) proposal(ctx context.Context, tx slipway.Tx, actor slipway.Actor, id int64, p slipway.Permission) (slipway.SecretProposal, error) {
	found, err := tx.Proposals().Get(ctx, id)
	if err != nil {
		return found, err
	}
	if _, err := a.service(ctx, tx, actor, found.Service, found.Environment, slipway.SecretList); err != nil {
		return slipway.SecretProposal{}, err
	}
	_, err = a.service(ctx, tx, actor, found.Service, found.Environment, p)
	return found, err
}

// SecretProposal returns one.
func (a *App) SecretProposal(ctx context.Context, actor slipway.Actor, id int64) (v ProposalView, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		p, err := a.proposal(ctx, tx, actor, id, slipway.SecretList)
		if err == nil {
			v, err = a.proposalView(ctx, tx, actor, p)
		}
		return err
	})
	return v, err
}

// shownProposals is how many proposals of a service are listed.
const shownProposals = 50

// SecretProposals lists those of a service in environments whose secrets the
// asker may list, newest first.
func (a *App) SecretProposals(ctx context.Context, actor slipway.Actor, service string) (list []ProposalView, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if _, err := a.service(ctx, tx, actor, service, "", slipway.ServiceRead); err != nil {
			return err
		}
		found, err := tx.Proposals().Of(ctx, service, shownProposals)
		if err != nil {
			return err
		}
		list, err = a.listed(ctx, tx, actor, found)
		return err
	})
	return list, err
}

func (a *App) listed(ctx context.Context, tx slipway.Tx, actor slipway.Actor, found []slipway.SecretProposal) ([]ProposalView, error) {
	bindings, err := a.bindings(ctx, tx, actor)
	if err != nil {
		return nil, err
	}
	may := policy.Visible(bindings, actor, slipway.SecretList)
	list := []ProposalView{}
	for _, p := range found {
		if !may.Admits(p.Resource()) {
			continue
		}
		v, err := a.proposalView(ctx, tx, actor, p)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (a *App) proposalView(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p slipway.SecretProposal) (v ProposalView, err error) {
	v = ProposalView{SecretProposal: p, Mine: p.RequestedBy.ID == actor.ID}
	if v.Verdict, err = p.Judge(ctx, tx, a.aids(), a.now()); err != nil {
		return v, err
	}
	if v.MayReject, err = a.may(ctx, tx, actor, slipway.DeploymentApprove, p.Resource()); err != nil {
		return v, err
	}
	if v.VoteWhyNot = v.MayReject; v.VoteWhyNot == "" {
		v.VoteWhyNot = a.voteOnSecrets(p, slipway.Vote{PlanDigest: p.Digest, Decision: slipway.Approve, By: actor.ID, Groups: actor.Groups, At: a.now()})
	}
	return v, nil
}

// proposalsFor lists proposals that want the actor, oldest first.
func (a *App) proposalsFor(ctx context.Context, tx slipway.Tx, actor slipway.Actor) ([]ProposalView, error) {
	open, err := tx.Proposals().Open(ctx)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	list, err := a.listed(ctx, tx, actor, open)
	var mine []ProposalView
	for _, v := range list {
		if v.State == slipway.ProposalPending && v.VoteWhyNot == "" && a.now().Before(v.Expires()) {
			mine = append(mine, v)
		}
	}
	return mine, err
}
