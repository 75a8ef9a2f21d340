package store_test

import (
	"strings"
	"testing"
)

// TestListsUseIndexes asks SQLite how it would go about the queries that must
// stay quick in a long history. A sort or a scan of the table would not.
func TestListsUseIndexes(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + t.TempDir() + "/x.db"
	openMigrated(t, url)
	db := raw(t, url)
	const active = `state IN ('waiting', 'running', 'paused', 'reverting')`
	for query, index := range map[string]string{
		`SELECT id FROM deployments WHERE next_wake_at <= ? ORDER BY next_wake_at LIMIT 10`:         "deployments_due",
		`SELECT * FROM deployments WHERE service = ? AND environment = ? AND ` + active:             "deployments_one_active",
		`SELECT * FROM deployments WHERE service = ? AND id < ? ORDER BY id DESC LIMIT 51`:          "deployments_by_service",
		`SELECT * FROM deployments WHERE service = ? AND environment = ? ORDER BY id DESC LIMIT 51`: "deployments_by_stage",
		`SELECT * FROM deployments WHERE environment = ? AND id < ? ORDER BY id DESC LIMIT 51`:      "deployments_by_environment",
		`SELECT * FROM deployments WHERE team = ? AND id < ? ORDER BY id DESC LIMIT 51`:             "deployments_by_team",
		`SELECT id FROM deployments d WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM votes v
			WHERE v.deployment = d.id AND v.plan_digest = d.plan_digest AND v.voter = ?) ORDER BY id DESC LIMIT 200`: "deployments_by_state",
		`SELECT * FROM deployments WHERE id < ? ORDER BY id DESC LIMIT 51`:                             "INTEGER PRIMARY KEY",
		`SELECT * FROM services WHERE team = ? AND (team, name) > (?, ?) ORDER BY team, name LIMIT 51`: "services_by_team",
		`SELECT * FROM releases WHERE service = ? AND seq < ? ORDER BY seq DESC LIMIT 51`:              "sqlite_autoindex_releases_2",
		`SELECT * FROM audit WHERE team = ? AND id < ? ORDER BY id DESC LIMIT 51`:                      "audit_by_team",
		`SELECT * FROM audit WHERE chain = ? AND seq > ? ORDER BY seq LIMIT 500`:                       "sqlite_autoindex_audit_1",
		`SELECT * FROM events WHERE id > ? ORDER BY id LIMIT 100`:                                      "INTEGER PRIMARY KEY",
		`SELECT * FROM events WHERE deployment = ? ORDER BY id`:                                        "events_by_deployment",
	} {
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+strings.ReplaceAll(query, "?", "1"))
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		defer func() { _ = rows.Close() }()
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		whole := strings.Join(plan, "; ")
		if !strings.Contains(whole, index) || strings.Contains(whole, "SCAN") || strings.Contains(whole, "TEMP B-TREE") {
			t.Errorf("%s\nis done by: %s\nwant the index %s", query, whole, index)
		}
	}
}
