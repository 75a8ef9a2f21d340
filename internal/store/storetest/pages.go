package storetest

import (
	"encoding/base64"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// testPagesUnderWrites reads page by page while others insert. What was there
// at the beginning comes exactly once, in order.
func testPagesUnderWrites(t *testing.T, f fixture) {
	f.seed(t, "api")
	add := func(n int) {
		f.write(t, func(tx slipway.Tx) error {
			for range n {
				d := deployment("api", "staging")
				d.State = slipway.Succeeded
				if _, err := tx.Deployments().Insert(f.ctx, d); err != nil {
					return err
				}
				if err := tx.Audit().Append(f.ctx, entry("payments", "deployment.promote")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	add(40)
	var deployments, audit []int64
	cursor, auditCursor := "", ""
	for round := 0; round == 0 || cursor != ""; round++ {
		f.read(t, func(tx slipway.Tx) error {
			page, next, err := tx.Deployments().List(f.ctx, slipway.DeploymentFilter{Service: "api"}, slipway.Page{Cursor: cursor, Limit: 7})
			for _, d := range page {
				deployments = append(deployments, d.ID)
			}
			entries, auditNext, auditErr := tx.Audit().List(f.ctx, slipway.AuditFilter{Team: "payments"}, slipway.Page{Cursor: auditCursor, Limit: 7})
			for _, e := range entries {
				audit = append(audit, e.Seq)
			}
			cursor, auditCursor = next, auditNext
			if err == nil {
				err = auditErr
			}
			return err
		})
		add(3)
	}
	for name, ids := range map[string][]int64{"deployments": deployments, "audit": audit} {
		if len(ids) != 40 {
			t.Fatalf("%s: %d rows, want 40: %v", name, len(ids), ids)
		}
		for i, id := range ids {
			if id != int64(40-i) {
				t.Fatalf("%s: repeated, left out or out of order: %v", name, ids)
			}
		}
	}
}

func testPageBounds(t *testing.T, f fixture) {
	f.seed(t, "api")
	f.write(t, func(tx slipway.Tx) error {
		for i := range 60 {
			if _, err := tx.Releases().Add(f.ctx, release("api", numbered("1", i))); err != nil {
				return err
			}
		}
		return nil
	})
	foreign := ""
	f.read(t, func(tx slipway.Tx) error {
		for limit, want := range map[int]int{0: 50, -5: 50, 10: 10, 61: 61, 1 << 30: 61} {
			page, next, err := tx.Releases().List(f.ctx, "api", slipway.Page{Limit: limit})
			if err != nil || len(page) != want || (next == "") != (want == 61) {
				t.Errorf("limit %d: %d rows, next %q, %v; want %d rows", limit, len(page), next, err, want)
			}
			if next != "" {
				foreign = next
			}
		}
		empty, next, err := tx.Releases().List(f.ctx, "none", slipway.Page{})
		if err != nil || empty == nil || len(empty) != 0 || next != "" {
			t.Errorf("an empty list: %v, %q, %v", empty, next, err)
		}
		return nil
	})
	bad := []string{"x", "%%%", foreign, base64.RawURLEncoding.EncodeToString([]byte(`["deployments","-1"]`)),
		base64.RawURLEncoding.EncodeToString([]byte(`["deployments","1 OR 1=1"]`)),
		base64.RawURLEncoding.EncodeToString([]byte(`["services","a"]`)), base64.RawURLEncoding.EncodeToString([]byte(`{}`))}
	f.read(t, func(tx slipway.Tx) error {
		for _, cursor := range bad {
			page := slipway.Page{Cursor: cursor}
			_, _, err := tx.Deployments().List(f.ctx, slipway.DeploymentFilter{}, page)
			refused(t, "deployments after "+cursor, err, slipway.CodeInvalid)
			_, _, err = tx.Services().List(f.ctx, slipway.ServiceFilter{}, page)
			refused(t, "services after "+cursor, err, slipway.CodeInvalid)
			_, _, err = tx.Audit().List(f.ctx, slipway.AuditFilter{}, page)
			refused(t, "audit after "+cursor, err, slipway.CodeInvalid)
		}
		return nil
	})
}
