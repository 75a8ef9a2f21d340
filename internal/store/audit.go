package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type auditRow struct {
	ID          int64
	Chain       string
	Seq         int64
	At          stamp
	ActorKind   slipway.ActorKind
	ActorID     string
	ActorName   string
	TokenID     string
	Via         slipway.Channel
	RequestID   string
	Address     string
	Action      string
	Team        string
	Service     string
	Environment string
	Subject     string
	Summary     string
	Detail      *string // as it was sent: the hash covers it
	Previous    string
	Hash        string
}

func rowOfAudit(e slipway.AuditEntry) auditRow {
	return auditRow{
		Chain: e.Chain, Seq: e.Seq, At: stampOf(e.At), ActorKind: e.Actor.Kind, ActorID: e.Actor.ID,
		ActorName: e.Actor.Name, TokenID: e.TokenID, Via: e.Via, RequestID: e.RequestID, Address: e.Address,
		Action: e.Action, Team: e.Resource.Team, Service: e.Resource.Service,
		Environment: e.Resource.Environment, Subject: e.Subject, Summary: e.Summary,
		Detail: rawOrNil(e.Detail), Previous: e.Previous, Hash: e.Hash,
	}
}

func (r auditRow) domain() slipway.AuditEntry {
	return slipway.AuditEntry{
		Chain: r.Chain, Seq: r.Seq, At: r.At.Time,
		Actor:   slipway.Person{Kind: r.ActorKind, ID: r.ActorID, Name: r.ActorName},
		TokenID: r.TokenID, Via: r.Via, RequestID: r.RequestID, Address: r.Address, Action: r.Action,
		Resource: slipway.Resource{Team: r.Team, Service: r.Service, Environment: r.Environment},
		Subject:  r.Subject, Summary: r.Summary, Detail: rawOf(r.Detail), Previous: r.Previous, Hash: r.Hash,
	}
}

func rawOrNil(raw json.RawMessage) *string {
	if len(raw) == 0 {
		return nil
	}
	text := clean(string(raw))
	return &text
}

func rawOf(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}

type audit struct{ *tx }

// Append only gathers: see flushAudit. A reader of the same transaction sees it
// all the same.
func (s audit) Append(_ context.Context, e slipway.AuditEntry) error {
	if !s.write {
		return fmt.Errorf("store: append to audit: the transaction only reads")
	}
	if len(e.Detail) > 0 && !json.Valid(e.Detail) {
		return fmt.Errorf("store: append to audit: the detail of %s is not JSON", e.Action)
	}
	for _, text := range []*string{
		&e.Chain, &e.Actor.ID, &e.Actor.Name, &e.TokenID, &e.RequestID, &e.Address, &e.Action, &e.Resource.Team,
		&e.Resource.Service, &e.Resource.Environment, &e.Subject, &e.Summary,
	} {
		*text = clean(*text)
	}
	s.entries = append(s.entries, e)
	return nil
}

// flushAudit hangs the entries on their chains. Whoever takes the head of a chain
// makes everybody else who appends to it wait for the transaction to end, so this
// comes near the end, and chains are taken in one order by all. An entry is
// hashed as the database gives it back, or else it could not be verified.
func (t *tx) flushAudit(ctx context.Context) error {
	entries := t.entries
	t.entries = nil
	heads := map[string]*auditHead{}
	for _, e := range entries {
		heads[e.Chain] = nil
	}
	for _, chain := range slices.Sorted(maps.Keys(heads)) {
		head, err := one[auditHead](ctx, t, "audit chain", chain, `INSERT INTO audit_heads (chain, seq, hash) VALUES (?, 0, '')
			ON CONFLICT (chain) DO UPDATE SET chain = excluded.chain RETURNING seq, hash`, chain)
		if err != nil {
			return err
		}
		heads[chain] = &head
	}
	for _, e := range entries {
		head := heads[e.Chain]
		e.Seq, e.Previous, e.Hash = head.Seq+1, head.Hash, ""
		row := rowOfAudit(e)
		row.Hash = row.domain().ComputeHash()
		head.Seq, head.Hash = row.Seq, row.Hash
		t.add(row)
	}
	for chain, head := range heads {
		t.later("move the audit head", `UPDATE audit_heads SET seq = ?, hash = ? WHERE chain = ?`, head.Seq, head.Hash, chain)
	}
	return nil
}

// auditHead is the newest entry of a chain.
type auditHead struct {
	Seq  int64
	Hash string
}

func (t *tx) add(r auditRow) {
	t.later("append to audit", `INSERT INTO audit (chain, seq, at, actor_kind, actor_id, actor_name, token_id, via,
		request_id, address, action, team, service, environment, subject, summary, detail, previous, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Chain, r.Seq, r.At, r.ActorKind, r.ActorID, r.ActorName, r.TokenID, r.Via,
		r.RequestID, r.Address, r.Action, r.Team, r.Service, r.Environment, r.Subject, r.Summary, r.Detail, r.Previous, r.Hash)
	t.late[len(t.late)-1].taken = fmt.Errorf("store: entry %d of the audit chain %q exists already: its head was tampered with", r.Seq, r.Chain)
}

// settled writes what was gathered, for a reader of the same transaction.
func (s audit) settled(ctx context.Context) error {
	if err := s.flushAudit(ctx); err != nil {
		return err
	}
	return s.flushLate(ctx)
}

func (s audit) List(ctx context.Context, f slipway.AuditFilter, page slipway.Page) ([]slipway.AuditEntry, string, error) {
	const list = "audit"
	if err := s.settled(ctx); err != nil {
		return nil, "", err
	}
	before, err := decodeID(list, page.Cursor)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.equal("team", f.Team)
	w.equal("service", f.Service)
	w.equal("environment", f.Environment)
	if f.Actor != "" {
		var name where
		name.contains(f.Actor, "actor_name")
		w.and("(actor_id = ? OR "+name.terms[0]+")", append([]any{f.Actor}, name.args...)...)
	}
	switch area, of := strings.CutSuffix(f.Action, "."); {
	case !of:
		w.equal("action", f.Action)
	case !strings.Contains(area, "."):
		w.and(s.area()+" = ?", f.Action)
	default:
		// A range, unlike LIKE, uses the index in both databases: "/" follows ".".
		w.and("action >= ? AND action < ?", f.Action, area+"/")
	}
	if before > 0 {
		w.and("id < ?", before)
	}
	limit := limitOf(page)
	rows, err := many[auditRow](ctx, s.tx, "list audit",
		`SELECT * FROM audit`+s.by(wayToAudit(f))+w.String()+` ORDER BY id DESC LIMIT ?`, append(w.args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	rows, more := cut(rows, limit)
	next := ""
	if more {
		next = encodeID(list, rows[len(rows)-1].ID)
	}
	return domains(rows, auditRow.domain), next, nil
}

// chainBatch is how many entries are in memory at once while a chain is walked.
const chainBatch = 500

func (s audit) Chain(ctx context.Context, chain string, f func(slipway.AuditEntry) error) error {
	if err := s.settled(ctx); err != nil {
		return err
	}
	for last := int64(-1 << 62); ; {
		rows, err := many[auditRow](ctx, s.tx, "walk audit",
			`SELECT * FROM audit WHERE chain = ? AND seq > ? ORDER BY seq LIMIT ?`, chain, last, chainBatch)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := f(row.domain()); err != nil {
				return err
			}
			last = row.Seq
		}
		if len(rows) < chainBatch {
			return nil
		}
	}
}

func (s audit) Chains(ctx context.Context) ([]string, error) {
	if err := s.settled(ctx); err != nil {
		return nil, err
	}
	return lists(ctx, s.tx, func(r struct{ Chain string }) string { return r.Chain }, "list audit chains",
		`SELECT chain FROM audit_heads ORDER BY chain`)
}
