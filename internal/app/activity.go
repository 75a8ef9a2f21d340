package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Activity lists the audit that the actor may read, newest first.
func (a *App) Activity(ctx context.Context, actor slipway.Actor, filter slipway.AuditFilter, page slipway.Page) (out []slipway.AuditEntry, next string, err error) {
	page = bounded(page)
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		may, err := a.visible(ctx, tx, actor, slipway.AuditRead)
		if err != nil || may.Nothing() {
			return err
		}
		names, err := a.named(ctx, tx, actor)
		if err != nil {
			return err
		}
		for {
			rows, after, err := tx.Audit().List(ctx, filter, slipway.Page{Cursor: page.Cursor, Limit: page.Limit - len(out)})
			if err != nil {
				return err
			}
			for _, e := range rows {
				if !may.Admits(e.Resource) {
					continue
				}
				if strings.HasPrefix(e.Action, "secret.") && !names.Admits(e.Resource) {
					e.Detail = withoutKeys(e.Detail)
				}
				out = append(out, e)
			}
			if next = after; next == "" || len(out) >= page.Limit {
				return nil
			}
			page.Cursor = next
		}
	})
	return out, next, err
}

// named is where the actor may read the names of keys.
func (a *App) named(ctx context.Context, tx slipway.Tx, actor slipway.Actor) (policy.Filter, error) {
	bindings, err := a.bindings(ctx, tx, actor)
	return policy.Visible(bindings, actor, slipway.SecretList), err
}

// withoutKeys takes the names of keys out of the detail of an entry. The entry
// that is kept, and its hash, have them.
func withoutKeys(detail json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(detail, &fields) != nil {
		return nil
	}
	delete(fields, "keys")
	out, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	return out
}

// ChainReport says whether one chain of the audit is whole.
type ChainReport struct {
	Chain   string
	Entries int64
	Head    string // hash of the last entry
	Fault   string // the first thing wrong; empty if nothing is
}

// errBroken ends the walk of a chain at its first fault.
var errBroken = errors.New("broken chain")

// VerifyAudit walks every chain from its beginning. That entries were cut off
// at the end is visible only against a head noted elsewhere.
func VerifyAudit(ctx context.Context, store slipway.Store) (reports []ChainReport, err error) {
	err = store.Read(ctx, func(tx slipway.Tx) error {
		chains, err := tx.Audit().Chains(ctx)
		if err != nil {
			return err
		}
		for _, chain := range chains {
			report := ChainReport{Chain: chain}
			var previous *slipway.AuditEntry
			err := tx.Audit().Chain(ctx, chain, func(e slipway.AuditEntry) error {
				if fault := e.Follows(previous); fault != "" {
					report.Fault = fmt.Sprintf("chain %s: %s", chain, fault)
					return errBroken
				}
				report.Entries, report.Head, previous = e.Seq, e.Hash, &e
				return nil
			})
			if err != nil && !errors.Is(err, errBroken) {
				return err
			}
			reports = append(reports, report)
		}
		return nil
	})
	return reports, err
}

// VerifyAudit is VerifyAudit for somebody who may read the whole audit.
func (a *App) VerifyAudit(ctx context.Context, actor slipway.Actor) ([]ChainReport, error) {
	err := a.Store.Read(ctx, func(tx slipway.Tx) error {
		return a.authorize(ctx, tx, actor, slipway.AuditRead, slipway.Resource{})
	})
	if err != nil {
		return nil, err
	}
	return VerifyAudit(ctx, a.Store)
}
