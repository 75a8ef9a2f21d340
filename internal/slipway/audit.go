package slipway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// AuditEntry is one line of the audit: who did what to what, through which
// door, and how it looked before and after. It never holds a secret value.
type AuditEntry struct {
	Chain     string          `json:"chain"` // the team, or "organisation"
	Seq       int64           `json:"seq"`
	At        time.Time       `json:"at"`
	Actor     Person          `json:"actor"`
	TokenID   string          `json:"tokenId,omitempty"`
	Via       Channel         `json:"via"`
	RequestID string          `json:"requestId,omitempty"`
	Address   string          `json:"address,omitempty"`
	Action    string          `json:"action"` // "deployment.approve"
	Resource  Resource        `json:"resource"`
	Subject   string          `json:"subject,omitempty"` // the very thing: "deployment 42", "release 1.42.0"
	Summary   string          `json:"summary"`
	Detail    json.RawMessage `json:"detail,omitempty"`
	Previous  string          `json:"previous"` // hash of the entry before
	Hash      string          `json:"hash"`
}

// AuditFilter narrows the audit; empty fields do not.
type AuditFilter struct {
	Actor       string // ID or part of the name
	Action      string // whole, or a prefix that ends in "."
	Team        string
	Service     string
	Environment string
}

// OrganisationChain holds what belongs to no team.
const OrganisationChain = "organisation"

// ComputeHash is the SHA-256 of the entry's JSON without its own hash. Times
// are cut to microseconds in UTC beforehand, as both databases keep them.
func (e AuditEntry) ComputeHash() string {
	hash, err := e.hash()
	if err != nil {
		panic(fmt.Sprintf("slipway: audit entry does not encode: %v", err))
	}
	return hash
}

// hash fails only on what we would not have written, such as a detail that is
// no JSON.
func (e AuditEntry) hash() (string, error) {
	e.Hash = ""
	e.At = e.At.UTC().Truncate(time.Microsecond)
	encoded, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:]), nil
}

// Follows says what is wrong with e as the entry after previous (nil at the
// beginning of a chain); empty if nothing is. Entries cut off the end of a
// chain leave no trace in it: only its head, kept elsewhere, tells of those.
func (e AuditEntry) Follows(previous *AuditEntry) string {
	wantSeq, wantHash := int64(1), ""
	if previous != nil {
		wantSeq, wantHash = previous.Seq+1, previous.Hash
	}
	hash, err := e.hash()
	switch {
	case e.Seq != wantSeq:
		return fmt.Sprintf("entry %d is missing or out of order (found %d)", wantSeq, e.Seq)
	case e.Previous != wantHash:
		return fmt.Sprintf("entry %d does not continue the entry before it", e.Seq)
	case err != nil || e.Hash != hash:
		return fmt.Sprintf("entry %d was changed after it was written", e.Seq)
	default:
		return ""
	}
}

// DomainEvent is something that happened, for whoever watches.
type DomainEvent struct {
	ID          int64           `json:"id"`
	At          time.Time       `json:"at"`
	Kind        string          `json:"kind"` // "deployment.waiting", "release.created", ...
	Team        string          `json:"team,omitempty"`
	Service     string          `json:"service,omitempty"`
	Environment string          `json:"environment,omitempty"`
	Deployment  int64           `json:"deployment,omitempty"`
	Actor       string          `json:"actor,omitempty"`
	Message     string          `json:"message"`
	Detail      json.RawMessage `json:"detail,omitempty"`
}
