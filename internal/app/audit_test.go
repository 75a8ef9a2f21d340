package app_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
)

// TestVerifyFindsEdits: whatever is done to the rows behind Slipway's back,
// except cutting off the end, is found in the chain it was done to.
func TestVerifyFindsEdits(t *testing.T) {
	t.Parallel()
	const one = `chain = 'web' AND seq = 3`
	for name, edit := range map[string]string{
		"summary": `UPDATE audit SET summary = 'nothing happened' WHERE ` + one,
		"actor":   `UPDATE audit SET actor_id = 'stranger' WHERE ` + one,
		"detail":  `UPDATE audit SET detail = '{}' WHERE ` + one,
		"broken":  `UPDATE audit SET detail = '{' WHERE ` + one,
		"time":    `UPDATE audit SET at = '2020-01-01T00:00:00.000000Z' WHERE ` + one,
		"deleted": `DELETE FROM audit WHERE ` + one,
		"first":   `DELETE FROM audit WHERE chain = 'web' AND seq = 1`,
		"moved":   `UPDATE audit SET chain = 'ops', seq = 999 WHERE ` + one,
		"swapped": `UPDATE audit SET seq = CASE seq WHEN 3 THEN -4 WHEN 4 THEN -3 END WHERE chain = 'web' AND seq IN (3, 4); UPDATE audit SET seq = -seq WHERE seq < 0`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := busy(t)
			for _, report := range must(app.VerifyAudit(r.ctx, r.store))(t) {
				if report.Fault != "" || report.Entries == 0 || report.Head == "" {
					t.Fatalf("before anything was done: %+v", report)
				}
			}
			db := r.sql()
			for _, statement := range append([]string{"DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"}, strings.Split(edit, ";")...) {
				_, err := db.ExecContext(r.ctx, statement)
				ok(t, err)
			}
			found := ""
			for _, report := range must(r.VerifyAudit(r.ctx, root))(t) {
				if report.Fault != "" {
					found += report.Chain + " "
				}
			}
			if !strings.Contains(found, "web") || strings.Contains(found, "organisation") {
				t.Errorf("found in %q", found)
			}
		})
	}
}

// TestAuditCannotBeEdited by a slip: the database itself refuses.
func TestAuditCannotBeEdited(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	for _, statement := range []string{`UPDATE audit SET summary = ''`, `DELETE FROM audit`} {
		if _, err := r.sql().ExecContext(r.ctx, statement); err == nil {
			t.Errorf("%s was taken", statement)
		}
	}
}
