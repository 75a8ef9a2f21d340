package slipway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// ProposalState is where a proposed change of secrets is.
type ProposalState string

// The states. The first two are open: of one that is approved the store may be
// away, and it is written as soon as it is not.
const (
	ProposalPending   ProposalState = "pending"
	ProposalApproved  ProposalState = "approved"
	ProposalApplied   ProposalState = "applied"
	ProposalRejected  ProposalState = "rejected"
	ProposalWithdrawn ProposalState = "withdrawn"
	ProposalExpired   ProposalState = "expired"
	ProposalVoid      ProposalState = "void" // what it was a change of has changed
)

// Open reports whether something may still come of it.
func (s ProposalState) Open() bool { return s == ProposalPending || s == ProposalApproved }

// SecretProposal is a change of secrets that people have to approve first. Its
// values are kept sealed, apart from it, until it ends; then they are destroyed.
type SecretProposal struct {
	ID          int64
	Epoch       int64 // counts its saved versions, as a deployment's
	Team        string
	Service     string
	Environment string
	Path        string
	Over        int    // the version that it changes
	Action      string // set, imported, restored, deleted, undeleted or destroyed, once it is made
	Verb        string // of it, for sentences: "sets"
	Keys        []string
	Removes     []string // of Keys, those that are taken away
	Replace     bool     // what is not among Keys is taken away, too
	Versions    []int    // that it takes away or brings back; then it is of no keys
	Restricts   []string // keys that nobody may see from then on
	Lifts       []string // keys whose restriction it lifts
	Digest      string   // of all that is approved
	Draft       string   // where the values are, in the store of drafts
	Rule        ApprovalGate
	State       ProposalState
	Message     string
	Votes       []Vote
	RequestedBy Person
	TokenID     string
	Via         Channel
	Version     int // that it became
	CreatedAt   time.Time
	EndedAt     *time.Time
}

// SecretProposals keeps proposals.
type SecretProposals interface {
	Get(ctx context.Context, id int64) (SecretProposal, error)
	Open(ctx context.Context) ([]SecretProposal, error)                          // oldest first
	Of(ctx context.Context, service string, limit int) ([]SecretProposal, error) // newest first
	Insert(ctx context.Context, p SecretProposal) (SecretProposal, error)        // assigns the ID
	Save(ctx context.Context, p SecretProposal) (SecretProposal, error)          // over the epoch that was read, else CodeConflict
}

// Resource is what permissions on the proposal are asked for.
func (p SecretProposal) Resource() Resource {
	return Resource{Team: p.Team, Service: p.Service, Environment: p.Environment}
}

// Subject names the proposal in records.
func (p SecretProposal) Subject() string { return "change of secrets " + strconv.FormatInt(p.ID, 10) }

// Expires is when an unanswered proposal ends.
func (p SecretProposal) Expires() time.Time { return p.CreatedAt.Add(time.Duration(p.Rule.Expires)) }

// Question is the proposal as approvals are counted for deployments: the same
// rules by the same code. Its plan is the digest.
func (p SecretProposal) Question() Deployment {
	rule := p.Rule
	return Deployment{Team: p.Team, Service: p.Service, Environment: p.Environment, PlanDigest: p.Digest, RequestedBy: p.RequestedBy,
		CreatedAt: p.CreatedAt, Plan: Plan{Gates: []Gate{{Approval: &rule}}}}
}

// Judge counts the approvals of people who may still give them.
func (p SecretProposal) Judge(ctx context.Context, tx Tx, aids Aids, now time.Time) (Verdict, error) {
	f := GateFacts{Now: now, Deployment: p.Question(), Votes: p.Votes}
	if err := f.weighVotes(ctx, tx, aids); err != nil {
		return Verdict{}, err
	}
	return approvalVerdict(f, 0, p.Rule), nil
}

// Ended ends the proposal.
func (p SecretProposal) Ended(as ProposalState, message string, now time.Time) SecretProposal {
	p.State, p.Message, p.EndedAt = as, message, &now
	return p
}

// ProposalDigest is what is approved: where, over which version, and what exactly.
// Of values it takes keyed hashes, so that nobody finds one out by trying.
func ProposalDigest(p SecretProposal, changes map[string]*Secret, salt []byte) string {
	mac := hmac.New(sha256.New, salt)
	part := func(text string) { fmt.Fprintf(mac, "%d:%s", len(text), text) }
	part(p.Path)
	part(strconv.Itoa(p.Over))
	part(strconv.FormatBool(p.Replace))
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		part(key)
		if value := changes[key]; value != nil {
			part("=" + value.Reveal())
		} else {
			part("-")
		}
	}
	for _, version := range p.Versions {
		part(p.Action + " version " + strconv.Itoa(version))
	}
	for _, key := range p.Restricts {
		part("restricts " + key)
	}
	for _, key := range p.Lifts {
		part("lifts " + key)
	}
	return "sha256:" + hex.EncodeToString(mac.Sum(nil))
}
