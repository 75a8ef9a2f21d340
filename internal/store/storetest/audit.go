package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func entry(chain, action string) slipway.AuditEntry {
	return slipway.AuditEntry{
		Chain: chain, At: noon().Add(789 * time.Nanosecond), Actor: slipway.Person{Kind: slipway.ActorUser, ID: "ana", Name: "Ana B."},
		TokenID: "t1", Via: slipway.ViaREST, RequestID: "r1", Address: "192.0.2.1", Action: action,
		Resource: slipway.Resource{Team: chain, Service: "api", Environment: "production"},
		Subject:  "deployment 42", Summary: "promoted <b>&", Detail: json.RawMessage(`{ "b": 1, "a": "<é>" }`),
	}
}

// broken walks a chain and returns what Follows has to say of it.
func (f fixture) broken(t *testing.T, chain string) (fault string, entries int) {
	t.Helper()
	f.read(t, func(tx slipway.Tx) error {
		var previous *slipway.AuditEntry
		return tx.Audit().Chain(f.ctx, chain, func(e slipway.AuditEntry) error {
			if fault == "" {
				fault = e.Follows(previous)
			}
			previous = &e
			entries++
			return nil
		})
	})
	return fault, entries
}

func testAudit(t *testing.T, f fixture) {
	var appended []slipway.AuditEntry
	f.write(t, func(tx slipway.Tx) error {
		for _, e := range []slipway.AuditEntry{
			entry("payments", "deployment.promote"), entry("web", "deployment.approve"), entry("payments", "deploymentX"), entry("payments", "team.put"),
		} {
			if err := tx.Audit().Append(f.ctx, e); err != nil {
				return err
			}
		}
		newestFirst, _, err := tx.Audit().List(f.ctx, slipway.AuditFilter{}, slipway.Page{}) // sees what this very transaction appended
		if err != nil {
			return err
		}
		appended = newestFirst
		slices.Reverse(appended)
		bad := entry("payments", "x")
		bad.Detail = json.RawMessage(`{no`)
		if err := tx.Audit().Append(f.ctx, bad); err == nil {
			t.Error("a detail that is not JSON was taken")
		}
		return nil
	})
	if appended[0].Seq != 1 || appended[1].Seq != 1 || appended[3].Seq != 3 || appended[3].Previous != appended[2].Hash {
		t.Errorf("numbers and hashes: %+v", appended)
	}
	if fault, n := f.broken(t, "payments"); fault != "" || n != 3 {
		t.Errorf("chain of %d entries: %s", n, fault)
	}
	f.read(t, func(tx slipway.Tx) error {
		for name, c := range map[string]struct {
			filter slipway.AuditFilter
			want   []int // indexes of appended, newest first
		}{
			"all":            {slipway.AuditFilter{}, []int{3, 2, 1, 0}},
			"team":           {slipway.AuditFilter{Team: "web"}, []int{1}},
			"action":         {slipway.AuditFilter{Action: "team.put"}, []int{3}},
			"prefix":         {slipway.AuditFilter{Action: "deployment."}, []int{1, 0}},
			"actor by id":    {slipway.AuditFilter{Actor: "ana"}, []int{3, 2, 1, 0}},
			"actor by name":  {slipway.AuditFilter{Actor: "A b"}, []int{3, 2, 1, 0}},
			"another actor":  {slipway.AuditFilter{Actor: "bob"}, nil},
			"a % is a %":     {slipway.AuditFilter{Actor: "%"}, nil},
			"by the service": {slipway.AuditFilter{Service: "api", Environment: "production", Team: "web"}, []int{1}},
		} {
			got, _, err := tx.Audit().List(f.ctx, c.filter, slipway.Page{})
			if err != nil {
				return err
			}
			want := []slipway.AuditEntry{}
			for _, i := range c.want {
				want = append(want, appended[i])
			}
			same(t, name, got, want)
		}
		chains, err := tx.Audit().Chains(f.ctx)
		same(t, "chains", chains, []string{"payments", "web"})
		stopped := tx.Audit().Chain(f.ctx, "payments", func(slipway.AuditEntry) error { return errUndo })
		if !errors.Is(stopped, errUndo) {
			t.Errorf("a walk that is stopped returned %v", stopped)
		}
		return err
	})
}

func testAuditConcurrent(t *testing.T, f fixture) {
	f.together(t, 48, func(i int) error {
		return f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			for _, chain := range []string{"payments", "organisation"} {
				if err := tx.Audit().Append(f.ctx, entry(chain, numbered("act", i))); err != nil {
					return err
				}
			}
			if i%3 == 0 {
				return errUndo
			}
			return nil
		})
	})
	for _, chain := range []string{"payments", "organisation"} {
		if fault, n := f.broken(t, chain); fault != "" || n != 32 {
			t.Errorf("chain %s has %d entries, want 32: %s", chain, n, fault)
		}
	}
}

func testAuditGuards(t *testing.T, f fixture) {
	f.write(t, func(tx slipway.Tx) error {
		err := tx.Audit().Append(f.ctx, entry("payments", "x"))
		return err
	})
	for _, statement := range []string{
		`UPDATE audit SET summary = 'nothing happened'`, `DELETE FROM audit`, `DELETE FROM audit WHERE seq = 1`,
	} {
		if _, err := f.SQL.ExecContext(f.ctx, statement); err == nil {
			t.Errorf("the database did as told: %s", statement)
		}
	}
	if fault, n := f.broken(t, "payments"); fault != "" || n != 1 {
		t.Errorf("chain of %d entries: %s", n, fault)
	}
}

// testAuditTampering does what a database administrator could: drop the guards
// and change, remove, reorder or slip in entries.
func testAuditTampering(t *testing.T, f fixture) {
	f.write(t, func(tx slipway.Tx) error {
		for _, chain := range []string{"edited", "removed", "swapped", "added", "whole"} {
			for i := range 5 {
				if err := tx.Audit().Append(f.ctx, entry(chain, numbered("act", i))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for _, statement := range append(f.DropAuditGuards,
		`UPDATE audit SET actor_id = 'bob' WHERE chain = 'edited' AND seq = 3`,
		`DELETE FROM audit WHERE chain = 'removed' AND seq = 2`,
		`UPDATE audit SET seq = 99 WHERE chain = 'swapped' AND seq = 2`,
		`UPDATE audit SET seq = 2 WHERE chain = 'swapped' AND seq = 3`,
		`UPDATE audit SET seq = 3 WHERE chain = 'swapped' AND seq = 99`,
		`UPDATE audit SET seq = 6 WHERE chain = 'added' AND seq = 5`,
		`INSERT INTO audit (chain, seq, at, actor_kind, actor_id, actor_name, token_id, via, request_id, address, action, team,
			service, environment, subject, summary, detail, previous, hash) SELECT chain, 5, at, actor_kind, actor_id, actor_name, token_id,
			via, request_id, address, action, team, service, environment, subject, summary, detail, previous, hash
			FROM audit WHERE chain = 'added' AND seq = 4`,
	) {
		if _, err := f.SQL.ExecContext(f.ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, chain := range []string{"edited", "removed", "swapped", "added"} {
		if fault, _ := f.broken(t, chain); fault == "" {
			t.Errorf("nobody notices that the chain %q was tampered with", chain)
		}
	}
	if fault, _ := f.broken(t, "whole"); fault != "" {
		t.Errorf("the untouched chain: %s", fault)
	}
}
