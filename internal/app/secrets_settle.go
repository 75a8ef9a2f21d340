package app

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// applyProposal makes a change that was approved, over exactly the version that
// it was approved for. While the store is away it stays approved, and
// SettleSecrets makes it later. Several may try at once, and one makes it.
func (a *App) applyProposal(ctx context.Context, p slipway.SecretProposal) (slipway.SecretProposal, error) {
	changes, err := a.draftOf(ctx, p)
	if err != nil {
		return p, a.endProposal(ctx, p, slipway.ProposalVoid, "Its values are not what was approved, or gone.", err)
	}
	place := secretPlace{environment: p.Environment, path: p.Path}
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		if place.service, err = tx.Services().Get(ctx, p.Service); err != nil {
			return err
		}
		if p, err = a.stillApproved(ctx, tx, p); err != nil || p.State != slipway.ProposalApproved {
			return err
		}
		if len(p.Versions) == 0 {
			if err := a.keepClosed(ctx, tx, a.inNameOf(p), place, p.Restricts, p.Over); err != nil {
				return err
			}
		}
		return a.audited(ctx, tx, a.inNameOf(p), "secret."+p.Action, place, a.appliedWords(p), map[string]any{"path": p.Path, "keys": p.Keys, "versions": p.Versions, "over": p.Over, "change": p.ID})
	})
	if err != nil || p.State != slipway.ProposalApproved {
		if err == nil && !p.State.Open() {
			a.forgetDraft(ctx, p)
		}
		return p, err
	}
	version, err := a.write(ctx, p, changes)
	if slipway.SecretFaultOf(err) == slipway.SecretMoved {
		if version, err = a.madeAlready(ctx, p, changes); err == nil && version == 0 {
			moved := overtaken(place, p.Over, nil)
			return p, a.endProposal(ctx, p, slipway.ProposalVoid, "The secrets were changed since it was asked for.", moved)
		}
	}
	if err != nil {
		return p, err
	}
	return a.applied(ctx, p, place, version)
}

// write makes the change in the store, in Slipway's own name.
func (a *App) write(ctx context.Context, p slipway.SecretProposal, changes map[string]*slipway.Secret) (int, error) {
	if len(p.Versions) > 0 {
		return removeVersions(ctx, a.Secret.Secrets, p.Action, p.Path, p.Versions)
	}
	return writeSecrets(ctx, a.Secret.Secrets, p.Path, changes, p.Replace, p.Over)
}

// permissionFor is what who asks for a change has to have, still when it is made.
func permissionFor(p slipway.SecretProposal) slipway.Permission {
	if p.Action == "destroyed" {
		return slipway.SecretDestroy
	}
	return slipway.SecretWrite
}

// stillApproved looks anew, in the transaction before the change is made, at who
// asked for it and who approved it.
func (a *App) stillApproved(ctx context.Context, tx slipway.Tx, p slipway.SecretProposal) (slipway.SecretProposal, error) {
	now, err := tx.Proposals().Get(ctx, p.ID)
	if err != nil || now.State != slipway.ProposalApproved {
		return now, err
	}
	whyNot, err := a.MayStill(ctx, tx, slipway.SetOrder{By: now.RequestedBy, TokenID: now.TokenID}, permissionFor(now), now.Service, now.Environment)
	if err == nil && whyNot == "" && len(now.Lifts) > 0 {
		whyNot, err = a.MayStill(ctx, tx, slipway.SetOrder{By: now.RequestedBy, TokenID: now.TokenID}, slipway.SecretReveal, now.Service, now.Environment)
	}
	if err != nil {
		return now, err
	}
	verdict, err := now.Judge(ctx, tx, a.aids(), a.now())
	if err != nil {
		return now, err
	}
	used, err := usedVersion(ctx, tx, now.Service, now.Environment, now.Action, now.Versions)
	switch {
	case err != nil:
		return now, err
	case used > 0:
		now = now.Ended(slipway.ProposalVoid, "Version "+itoa(int64(used))+" is what "+now.Service+" in "+now.Environment+" runs with.", a.now())
	case whyNot != "":
		now = now.Ended(slipway.ProposalVoid, whyNot, a.now())
	case verdict.Result != slipway.Pass:
		now.State, now.Message = slipway.ProposalPending, verdict.Reason
	default:
		return now, nil
	}
	return tx.Proposals().Save(ctx, now)
}

// inNameOf acts in the name of who asked for a change. The audit tells that it
// was not by their own hand.
func (a *App) inNameOf(p slipway.SecretProposal) slipway.Actor {
	return slipway.Actor{Kind: p.RequestedBy.Kind, ID: p.RequestedBy.ID, Name: p.RequestedBy.Name, TokenID: p.TokenID, Via: slipway.ViaEngine, RequestID: p.Subject()}
}

func (a *App) appliedWords(p slipway.SecretProposal) string {
	var names []string
	for _, v := range p.Votes {
		names = append(names, v.ByName)
	}
	return secretChange{verb: p.Verb, keys: p.Keys, versions: p.Versions, restrict: p.Restricts, lifts: p.Lifts}.summary(secretPlace{service: slipway.Service{Name: p.Service}, environment: p.Environment}) + ", approved by " + keysInWords(names)
}

// draftOf opens the values of a proposal, and makes sure that they are those that
// were approved.
func (a *App) draftOf(ctx context.Context, p slipway.SecretProposal) (map[string]*slipway.Secret, error) {
	if a.Secret == nil || a.Secret.Drafts == nil {
		return nil, noSecrets()
	}
	doc, err := a.Secret.Drafts.Read(ctx, p.Draft, 1)
	if err != nil {
		return nil, err
	}
	salt, err := hex.DecodeString(doc.Values[draftSalt].Reveal())
	if err != nil {
		return nil, errors.New("the salt of " + p.Subject() + " is no hex")
	}
	changes := map[string]*slipway.Secret{}
	for _, key := range p.Removes {
		changes[key] = nil
	}
	for key, value := range doc.Values {
		if key != draftSalt {
			changes[key] = &value
		}
	}
	if slipway.ProposalDigest(p, changes, salt) != p.Digest {
		return nil, slipway.Conflict("Change "+itoa(p.ID)+" of secrets is not what was approved.", "Ask for it again.")
	}
	return changes, nil
}

// madeAlready is the version that a try before this one made, of which nobody
// could write down that it did; 0: somebody else made it.
func (a *App) madeAlready(ctx context.Context, p slipway.SecretProposal, changes map[string]*slipway.Secret) (int, error) {
	h, err := a.Secret.Secrets.History(ctx, p.Path)
	if err != nil || h.Current != p.Over+1 {
		return 0, err
	}
	is, err := a.Secret.Secrets.Read(ctx, p.Path, h.Current)
	if slipway.SecretFaultOf(err) != "" && !slipway.SecretFaultOf(err).Passes() {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	was := slipway.SecretDocument{}
	if p.Over > 0 && !p.Replace {
		if was, err = a.Secret.Secrets.Read(ctx, p.Path, p.Over); err != nil && slipway.SecretFaultOf(err) == "" {
			return 0, err
		}
	}
	want := maps.Clone(was.Values)
	if want == nil {
		want = map[string]slipway.Secret{}
	}
	for key, value := range changes {
		if delete(want, key); value != nil {
			want[key] = *value
		}
	}
	if maps.Equal(want, is.Values) {
		return h.Current, nil
	}
	return 0, nil
}

// applied writes down what was made, for those who look at versions and for those
// who wait for news.
func (a *App) applied(ctx context.Context, p slipway.SecretProposal, place secretPlace, version int) (slipway.SecretProposal, error) {
	by := a.inNameOf(p)
	var stay []string
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		now, err := tx.Proposals().Get(ctx, p.ID)
		if err != nil || now.State != slipway.ProposalApproved { // another was quicker to write it down
			p = now
			return err
		}
		if now = now.Ended(slipway.ProposalApplied, "It is done.", a.now()); len(now.Versions) == 0 {
			now.Version, now.Message = version, "Made as version "+itoa(int64(version))+"."
		}
		if p, err = tx.Proposals().Save(ctx, now); err != nil {
			return err
		}
		err = tx.Secrets().AddChange(ctx, slipway.SecretChange{Service: p.Service, Environment: p.Environment, Path: p.Path, Version: version,
			Action: p.Action, Keys: p.Keys, By: by.ID, ByName: by.Name, At: a.now()})
		if err != nil {
			return err
		}
		if stay, err = a.lift(ctx, tx, by, place, p.Lifts, version); err != nil {
			return err
		}
		return tx.Events().Add(ctx, slipway.DomainEvent{At: a.now(), Kind: "secret." + p.Action, Team: p.Team, Service: p.Service,
			Environment: p.Environment, Actor: by.Name, Message: a.appliedWords(p)})
	})
	if err != nil {
		return p, err
	}
	a.forgetDraft(ctx, p)
	if _, err = a.Secret.Look(ctx, place.service, p.Environment); err == nil && len(stay) > 0 {
		err = stillRestricted(place, stay, version)
	}
	return p, err
}

// SettleSecrets ends proposals that nobody answered, that no longer fit or that
// somebody may not make any more, and makes those that were approved while the
// store was away. The engine calls it again and again.
func (a *App) SettleSecrets(ctx context.Context) error {
	if a.Secret == nil || a.Secret.Drafts == nil {
		return nil
	}
	var open []slipway.SecretProposal
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		open, err = tx.Proposals().Open(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var faults []error
	for _, p := range slices.Clone(open) {
		err := a.settle(ctx, p)
		if code := slipway.CodeOf(err); err != nil && code != slipway.CodeConflict && code != slipway.CodeUnavailable {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (a *App) settle(ctx context.Context, p slipway.SecretProposal) error {
	if p.State == slipway.ProposalApproved {
		_, err := a.applyProposal(ctx, p)
		return err
	}
	if !a.now().Before(p.Expires()) {
		return a.endProposal(ctx, p, slipway.ProposalExpired, "Nobody decided in time.", nil)
	}
	h, err := a.Secret.Secrets.History(ctx, p.Path)
	if err == nil && h.Current != p.Over {
		return a.endProposal(ctx, p, slipway.ProposalVoid, "The secrets were changed since it was asked for.", nil)
	}
	return err
}
