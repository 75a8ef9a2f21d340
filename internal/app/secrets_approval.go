package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// proposalOutcome marks a kept answer that is the number of a proposal.
const proposalOutcome = "proposal "

// secretRule is who has to approve changes of the secrets of a stage; nil: nobody.
func secretRule(ctx context.Context, tx slipway.Tx, service, environment string) (*slipway.ApprovalGate, error) {
	pipeline, err := tx.Pipelines().Latest(ctx, service)
	if slipway.IsNotFound(err) {
		return nil, nil //nolint:nilnil // without a pipeline nobody asks for approval
	}
	stage, _ := pipeline.Stage(environment)
	return stage.SecretsBy, err
}

// propose keeps a change, sealed, until people have approved just that. It is on
// record before its values are kept: so none are ever kept for nothing.
func (a *App) propose(ctx context.Context, actor slipway.Actor, own slipway.SecretStore, is changing, c secretChange, over int) (SecretsChanged, error) {
	place := is.place
	if a.Secret.Drafts == nil {
		return SecretsChanged{}, &slipway.Error{Code: slipway.CodeUnavailable, Affected: "Nothing was changed.",
			Message: "Changes of the secrets of " + place.words() + " need approval, and this Slipway has no key to keep them sealed until then.",
			Do:      "Set SLIPWAY_SECRET_KEY, also where Vault keeps the secrets, and restart it."}
	}
	var changes map[string]*slipway.Secret
	var replace bool
	var err error
	if c.content != nil {
		changes, replace, err = c.content(own, place)
	} else {
		err = knownVersions(ctx, own, place, c.versions)
	}
	if err != nil {
		return SecretsChanged{}, err
	}
	salt := make([]byte, 32)
	_, _ = rand.Read(salt)
	p := slipway.SecretProposal{Team: place.service.Team, Service: place.service.Name, Environment: place.environment, Path: place.path, Over: over,
		Action: c.action, Verb: c.verb, Keys: slices.Sorted(maps.Keys(changes)), Replace: replace, Versions: slices.Compact(slices.Sorted(slices.Values(c.versions))), Draft: "slipway:draft/" + rand.Text(),
		Restricts: is.closing, Lifts: c.lifts, Rule: *is.rule, State: slipway.ProposalPending, Message: "Waits for approval.",
		RequestedBy: actor.Person(), TokenID: actor.TokenID, Via: actor.Via, CreatedAt: a.now()}
	p.Digest = slipway.ProposalDigest(p, changes, salt)
	values := map[string]slipway.Secret{draftSalt: slipway.NewSecret(hex.EncodeToString(salt))}
	for _, key := range p.Keys {
		if value := changes[key]; value != nil {
			values[key] = *value
		} else {
			p.Removes = append(p.Removes, key)
		}
	}
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		if place, err = a.secretPlaceIn(ctx, tx, actor, place.service.Name, place.environment, c.permission); err != nil {
			return err
		}
		_, err := a.once(ctx, tx, actor, c.once, c.command, func() (outcome string, err error) {
			if p, err = tx.Proposals().Insert(ctx, p); err != nil {
				return "", err
			}
			return proposalOutcome + itoa(p.ID), a.recordProposal(ctx, tx, actor, p, "secret.proposed", "asks for approval: "+c.summary(place))
		})
		return err
	})
	if err != nil {
		return SecretsChanged{}, err
	}
	if _, err = a.Secret.Drafts.Put(ctx, p.Draft, values, 0); err != nil {
		return SecretsChanged{}, a.endProposal(ctx, p, slipway.ProposalVoid, "Its values could not be kept.", err)
	}
	return SecretsChanged{Path: p.Path, Keys: p.Keys, Proposal: p.ID}, nil
}

// knownVersions refuses to ask people about versions that there are none of.
func knownVersions(ctx context.Context, in slipway.SecretStore, place secretPlace, versions []int) error {
	h, err := in.History(ctx, place.path)
	if err != nil {
		return err
	}
	for _, wanted := range versions {
		if !slices.ContainsFunc(h.Versions, func(v slipway.SecretVersion) bool { return v.Version == wanted }) {
			return slipway.NotFound("version of the secrets of "+place.words(), itoa(int64(wanted)))
		}
	}
	return nil
}

// draftSalt is no key of anybody: names of keys are not empty.
const draftSalt = ""

func (a *App) recordProposal(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p slipway.SecretProposal, action, summary string) error {
	return a.record(ctx, tx, actor, change{action: action, on: p.Resource(), subject: p.Subject(), summary: summary,
		detail: map[string]any{"change": p.ID, "path": p.Path, "over": p.Over, "keys": p.Keys, "versions": p.Versions, "digest": p.Digest}})
}

// endProposal ends one by Slipway's own doing, and returns why.
func (a *App) endProposal(ctx context.Context, p slipway.SecretProposal, as slipway.ProposalState, message string, why error) error {
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		saved, err := tx.Proposals().Save(ctx, p.Ended(as, message, a.now()))
		if err != nil {
			return err
		}
		return a.recordProposal(ctx, tx, slipway.System("secrets"), saved, "secret."+string(as), "change "+itoa(p.ID)+" of the secrets of "+p.Service+" in "+p.Environment+" ended: "+message)
	})
	if err != nil {
		return err
	}
	a.forgetDraft(ctx, p)
	return why
}

// forgetDraft destroys values that nobody needs any more. If that fails they stay
// as they are, sealed, and nothing ever opens them.
func (a *App) forgetDraft(ctx context.Context, p slipway.SecretProposal) {
	if a.Secret != nil && a.Secret.Drafts != nil {
		_ = a.Secret.Drafts.Destroy(ctx, p.Draft, []int{1})
	}
}

// DecideSecrets is a decision on a proposed change of secrets.
type DecideSecrets struct {
	Once
	Proposal int64
	Digest   string // of what was looked at
	Comment  string // of a rejection: the reason
}

// ApproveSecrets records an approval of exactly one change, and makes the change
// once there are enough.
func (a *App) ApproveSecrets(ctx context.Context, actor slipway.Actor, c DecideSecrets) (slipway.SecretProposal, error) {
	p, err := a.decideSecrets(ctx, actor, slipway.DeploymentApprove, c, "approve", func(tx slipway.Tx, p *slipway.SecretProposal) error {
		if c.Digest == "" {
			return slipway.Invalid("The approval", []slipway.FieldError{{Field: "digest", Message: "is that of the change that you saw; an approval is for exactly one"}})
		}
		vote := slipway.Vote{ID: int64(len(p.Votes) + 1), PlanDigest: p.Digest, Decision: slipway.Approve, By: actor.ID, ByName: actor.Name, Groups: actor.Groups,
			Comment: c.Comment, Via: actor.Via, At: a.now()}
		if why := a.voteOnSecrets(*p, vote); why != "" {
			return &slipway.Error{Code: slipway.CodeDenied, Message: "Your approval would not count: " + why + ".", Affected: "Nothing was changed.",
				BlockedBy: []slipway.Verdict{{Gate: "approval", Result: slipway.Fail, Reason: why + "."}}}
		}
		p.Votes = append(slices.Clone(p.Votes), vote)
		verdict, err := p.Judge(ctx, tx, a.aids(), a.now())
		if p.Message = verdict.Reason; verdict.Result == slipway.Pass {
			p.State, p.Message = slipway.ProposalApproved, "Approved; it is being made."
		}
		return err
	})
	if err != nil || p.State != slipway.ProposalApproved {
		return p, err
	}
	made, err := a.applyProposal(ctx, p)
	if slipway.SecretFaultOf(err).Passes() {
		made.Message, err = "Approved. "+err.Error(), nil // it is made later
	}
	return made, err
}

// voteOnSecrets says why a vote would not count; empty if it does.
func (a *App) voteOnSecrets(p slipway.SecretProposal, vote slipway.Vote) string {
	if vote.By == p.RequestedBy.ID && !p.Rule.SelfApproval {
		return "who asks for a change does not approve it"
	}
	if slices.ContainsFunc(p.Votes, func(v slipway.Vote) bool { return v.By == vote.By }) {
		return "you have approved it already"
	}
	return slipway.CountsFor(vote, p.Question(), p.Rule)
}

// RejectSecrets ends a proposed change, with a reason.
func (a *App) RejectSecrets(ctx context.Context, actor slipway.Actor, c DecideSecrets) (slipway.SecretProposal, error) {
	reason := strings.TrimSpace(c.Comment)
	if reason == "" {
		return slipway.SecretProposal{}, slipway.Invalid("The rejection", []slipway.FieldError{{Field: "reason", Message: "is needed, so that the requester knows what to change"}})
	}
	return a.decideSecrets(ctx, actor, slipway.DeploymentApprove, c, "reject", func(_ slipway.Tx, p *slipway.SecretProposal) error {
		*p = p.Ended(slipway.ProposalRejected, "Rejected by "+actor.Name+": "+reason, a.now())
		return nil
	})
}

// WithdrawSecrets takes a proposed change back; only who asked for it does.
func (a *App) WithdrawSecrets(ctx context.Context, actor slipway.Actor, c DecideSecrets) (slipway.SecretProposal, error) {
	return a.decideSecrets(ctx, actor, slipway.SecretWrite, c, "withdraw", func(_ slipway.Tx, p *slipway.SecretProposal) error {
		if p.RequestedBy.ID != actor.ID {
			return &slipway.Error{Code: slipway.CodeDenied, Message: "Only " + p.RequestedBy.Name + ", who asked for it, takes it back.", Affected: "Nothing was changed.", Do: "Reject it instead."}
		}
		*p = p.Ended(slipway.ProposalWithdrawn, "Taken back by "+actor.Name+".", a.now())
		return nil
	})
}

// decidedWord is what records say that somebody did to a proposal.
func decidedWord(verb string) string {
	switch verb {
	case "approve":
		return "approved"
	case "reject":
		return "rejected"
	default:
		return "took back"
	}
}

// decideSecrets loads a pending proposal, authorizes and decides in one
// transaction. Values of what has ended are destroyed after it.
func (a *App) decideSecrets(ctx context.Context, actor slipway.Actor, permission slipway.Permission, c DecideSecrets, verb string,
	decide func(slipway.Tx, *slipway.SecretProposal) error) (p slipway.SecretProposal, err error) {
	if len(c.Comment) > maxText {
		return p, slipway.Invalid("The comment", []slipway.FieldError{{Field: "comment", Message: "is at most 2000 characters long"}})
	}
	command := struct {
		DecideSecrets
		Verb string
	}{c, verb}
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		if p, err = a.proposal(ctx, tx, actor, c.Proposal, permission); err != nil {
			return err
		}
		_, err := a.once(ctx, tx, actor, c.Once, command, func() (string, error) {
			switch {
			case verb != "withdraw" && actor.Kind != slipway.ActorUser:
				return "", &slipway.Error{Code: slipway.CodeDenied, Message: onlyPeople(permission), Affected: "Nothing was changed."}
			case p.State != slipway.ProposalPending || !a.now().Before(p.Expires()):
				return "", slipway.Conflict("Change "+itoa(p.ID)+" of secrets no longer waits. "+p.Message, "Look at it again.")
			case c.Digest != "" && c.Digest != p.Digest:
				return "", slipway.Conflict("This is another change than the one that you saw.", "Look at it again.")
			}
			if err := decide(tx, &p); err != nil {
				return "", err
			}
			if p, err = tx.Proposals().Save(ctx, p); err != nil {
				return "", err
			}
			return itoa(p.ID), a.recordProposal(ctx, tx, actor, p, "secret."+verb, decidedWord(verb)+" change "+itoa(p.ID)+" of the secrets of "+p.Service+" in "+p.Environment)
		})
		return err
	})
	if err == nil && !p.State.Open() {
		a.forgetDraft(ctx, p)
	}
	return p, err
}
