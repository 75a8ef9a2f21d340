package slipway

import "context"

// Aids are what gates are judged with besides the store. A member that is nil is
// not asked.
type Aids struct {
	Calendars Calendars
	Approvers Approvers
}

// Approvers know whether a vote still counts when the deployment starts: people
// leave, and lose roles, between the two.
type Approvers interface {
	// StillMay says why a vote that a gate counts does not count any more; empty
	// if it does. It is asked in the transaction that acts on the answer.
	StillMay(ctx context.Context, tx Tx, v Vote, g ApprovalGate, d Deployment) (whyNot string, err error)
}

// counted is a vote, by ID, at a gate of the plan, by index: it may count at one
// and not at another.
type counted struct {
	gate int
	vote int64
}

// loadVotes reads the votes on a deployment, and which of those that its gates
// count are void.
func (f *GateFacts) loadVotes(ctx context.Context, tx Tx, aids Aids) (err error) {
	if f.Votes, err = tx.Votes().Of(ctx, f.Deployment.ID); err != nil {
		return err
	}
	return f.weighVotes(ctx, tx, aids)
}

// weighVotes finds out which votes that gates count are void.
func (f *GateFacts) weighVotes(ctx context.Context, tx Tx, aids Aids) (err error) {
	d := f.Deployment
	if aids.Approvers == nil {
		return nil
	}
	f.Void = map[counted]string{}
	for i, g := range d.Plan.Gates {
		for _, vote := range f.Votes {
			if g.Approval == nil || CountsFor(vote, d, *g.Approval) != "" {
				continue
			}
			if f.Void[counted{i, vote.ID}], err = aids.Approvers.StillMay(ctx, tx, vote, *g.Approval, d); err != nil {
				return err
			}
		}
	}
	return nil
}
