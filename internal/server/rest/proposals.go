package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// KeyChange is a change of secrets that people have to approve first, without
// its values.
type KeyChange struct {
	ID          int64      `json:"id"`
	Service     string     `json:"service"`
	Environment string     `json:"environment"`
	Path        string     `json:"path"`
	Over        int        `json:"over" doc:"The version that it changes. Should another come first, it is void."`
	Action      string     `json:"action" doc:"set, imported, restored, deleted, undeleted or destroyed"`
	Keys        []string   `json:"keys" doc:"That it sets or removes."`
	Removes     []string   `json:"removes" doc:"Of these, those that it removes."`
	Replace     bool       `json:"replace,omitempty" doc:"Every other key is removed, too."`
	Versions    []int      `json:"versions" doc:"That it takes away or brings back; then it is of no keys."`
	Restricts   []string   `json:"restricts" doc:"Keys that nobody can see from then on."`
	Lifts       []string   `json:"lifts" doc:"Keys whose restriction it lifts, for the new value."`
	Digest      string     `json:"digest" doc:"Of all of it, values included. An approval is for this digest."`
	State       string     `json:"state" doc:"pending, approved (it is written as soon as the store is there); or ended: applied, rejected, withdrawn, expired, void"`
	Message     string     `json:"message"`
	RequestedBy Person     `json:"requestedBy"`
	Votes       []Vote     `json:"votes"`
	Have        int        `json:"have" doc:"Approvals that count."`
	Need        int        `json:"need"`
	Version     int        `json:"version,omitempty" doc:"That it became."`
	CreatedAt   time.Time  `json:"createdAt"`
	ExpiresAt   time.Time  `json:"expiresAt"`
	EndedAt     *time.Time `json:"endedAt,omitempty"`
	WhyNot      string     `json:"whyNot,omitempty" doc:"Why you may not approve it."`
}

func keyChange(v app.ProposalView) KeyChange {
	out := proposed(v.SecretProposal)
	out.Have, out.Need, out.WhyNot = v.Verdict.Have, v.Verdict.Need, v.VoteWhyNot
	return out
}

func proposed(p slipway.SecretProposal) KeyChange {
	return KeyChange{ID: p.ID, Service: p.Service, Environment: p.Environment, Path: p.Path, Over: p.Over, Action: p.Action, Keys: listed(p.Keys), Removes: listed(p.Removes),
		Replace: p.Replace, Versions: append([]int{}, p.Versions...), Restricts: listed(p.Restricts), Lifts: listed(p.Lifts), Digest: p.Digest, State: string(p.State), Message: p.Message, RequestedBy: person(p.RequestedBy), Votes: each(p.Votes, vote),
		Need: p.Rule.Count, Version: p.Version, CreatedAt: at(p.CreatedAt), ExpiresAt: at(p.Expires()), EndedAt: utc(p.EndedAt)}
}

// KeyChanges are changes of secrets, newest first.
type KeyChanges struct {
	Items []KeyChange `json:"items"`
}

// KeyChangeIn names a change of secrets.
type KeyChangeIn struct {
	ID int64 `path:"id" minimum:"1" doc:"Number of the change."`
}

type (
	approveChangeIn struct {
		KeyChangeIn
		KeyIn
		Body struct {
			Digest  string `json:"digest" doc:"Of the change that you looked at."`
			Comment string `json:"comment,omitempty" maxLength:"2000"`
		}
	}
	rejectChangeIn struct {
		KeyChangeIn
		KeyIn
		Body struct {
			Reason string `json:"reason" maxLength:"2000"`
		}
	}
	withdrawChangeIn struct {
		KeyChangeIn
		KeyIn
	}
)

func (s *Surface) registerProposals() {
	const one = "/secret-changes/{id}"
	list, decide := server.Needs(slipway.SecretList), server.Needs(slipway.DeploymentApprove)
	add(s, operation{id: "list-secret-changes", method: http.MethodGet, path: "/services/{service}/secrets/changes", access: server.Needs(slipway.ServiceRead), tag: "secrets",
		summary: "Changes that people have to approve first, newest first", about: "Those of environments whose secrets you may list."}, s.secretChanges)
	add(s, operation{id: "get-secret-change", method: http.MethodGet, path: one, access: list, tag: "secrets", summary: "One such change"}, s.secretChange)
	add(s, operation{id: "approve-secret-change", method: http.MethodPost, path: one + "/approve", access: decide, tag: "secrets",
		summary: "Approve exactly one change", about: "With enough approvals it is made, over just the version that it was asked for."}, s.approveChange)
	add(s, operation{id: "reject-secret-change", method: http.MethodPost, path: one + "/reject", access: decide, tag: "secrets",
		summary: "Reject a change, with a reason"}, s.rejectChange)
	add(s, operation{id: "withdraw-secret-change", method: http.MethodPost, path: one + "/withdraw", access: server.Needs(slipway.SecretWrite), tag: "secrets",
		summary: "Take back a change that you asked for"}, s.withdrawChange)
}

func (s *Surface) secretChanges(ctx context.Context, actor slipway.Actor, in *ServiceIn) (*answer[KeyChanges], error) {
	found, err := s.App.SecretProposals(ctx, actor, in.Service)
	return unstored(ctx, KeyChanges{each(found, keyChange)}, err)
}

func (s *Surface) secretChange(ctx context.Context, actor slipway.Actor, in *KeyChangeIn) (*answer[KeyChange], error) {
	v, err := s.App.SecretProposal(ctx, actor, in.ID)
	return unstored(ctx, keyChange(v), err)
}

func (s *Surface) approveChange(ctx context.Context, actor slipway.Actor, in *approveChangeIn) (*answer[KeyChange], error) {
	p, err := s.App.ApproveSecrets(ctx, actor, app.DecideSecrets{Once: in.once(), Proposal: in.ID, Digest: in.Body.Digest, Comment: in.Body.Comment})
	return unstored(ctx, proposed(p), err)
}

func (s *Surface) rejectChange(ctx context.Context, actor slipway.Actor, in *rejectChangeIn) (*answer[KeyChange], error) {
	p, err := s.App.RejectSecrets(ctx, actor, app.DecideSecrets{Once: in.once(), Proposal: in.ID, Comment: in.Body.Reason})
	return unstored(ctx, proposed(p), err)
}

func (s *Surface) withdrawChange(ctx context.Context, actor slipway.Actor, in *withdrawChangeIn) (*answer[KeyChange], error) {
	p, err := s.App.WithdrawSecrets(ctx, actor, app.DecideSecrets{Once: in.once(), Proposal: in.ID})
	return unstored(ctx, proposed(p), err)
}
