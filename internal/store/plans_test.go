package store_test

import (
	"context"
	"database/sql"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// growing are the tables that keep what ever happened, or much of it.
func growing() []string {
	return []string{
		"deployments", "audit", "events", "releases", "votes", "bypasses", "deployment_logs", "log_cursors", "idempotency_keys", "notification_deliveries",
		"chat_announcements", "chat_requests", "release_sets", "release_set_deployments", "secret_changes", "secret_proposals", "sealed_secrets",
	}
}

// narrow are the ways into such a table that find as little in a long history as
// in a short one. By any other one may walk until a page is full, and no further.
func narrow() []string {
	return []string{
		"(rowid=?)", "(rowid>? AND rowid<?)", "(deployment=?", "(service=? AND version=?)", "(actor=? AND key=?)", "(path=?", "(digest=?)", "(chain=? AND seq",
		" deployments_one_active", " deployments_due", " notification_deliveries_pending", " release_sets_active", " secret_proposals_open",
		" chat_announcements_due", " chat_requests_undone", "releases USING COVERING INDEX sqlite_autoindex_releases_2 (service=?)", // its greatest number
	}
}

// known are the statements that read more than that, and why.
func known() map[string]string {
	return map[string]string{
		`FROM audit NOT INDEXED WHERE (actor_id = ? OR (lower(actor_name) LIKE`:                 "part of a name is in no index",
		`FROM audit NOT INDEXED WHERE action >= ?`:                                              "no actions begin alike beyond their first word",
		`FROM deployments NOT INDEXED WHERE version = ?`:                                        "nobody asks for a version of all services",
		`FROM deployments NOT INDEXED WHERE state IN (?,?)`:                                     "nobody asks for several ends at once",
		`FROM release_sets WHERE (lower(items) LIKE lower(?)`:                                   "there are few sets",
		`FROM notification_deliveries WHERE person = ?`:                                         "is kept for a month, and nobody asks",
		`FROM notification_deliveries WHERE route IN (?,?)`:                                     "is kept for a month",
		`DELETE FROM notification_deliveries WHERE route = ?`:                                   "all of them go with the route",
		`FROM notification_deliveries WHERE state <> 'pending' AND created_at < ? AND id < coa`: "ends at the first that is young",
		`FROM sealed_secrets WHERE key_id <> ? ORDER BY path, version LIMIT ?`:                  "goes through all when the key is changed",
	}
}

// statements gathers what SQLite is asked, and in the end asks it how it goes
// about each of them. Nobody has it gather statistics, so it does the same in
// an empty database as in one with a million deployments.
type statements struct {
	mu    sync.Mutex
	asked map[string]bool
}

func (s *statements) add(query string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[query] = true
}

// judgeStatements asks for every list by every filter, and judges all that is
// gathered when the test ends.
func judgeStatements(t *testing.T) *statements {
	t.Helper()
	said, url := &statements{asked: map[string]bool{}}, "sqlite:"+filepath.Join(t.TempDir(), "plans.db")
	everyFilter(t, said.open(t, url))
	db := raw(t, url)
	t.Cleanup(func() {
		for _, query := range slices.Sorted(maps.Keys(said.asked)) {
			query = strings.Join(strings.Fields(query), " ")
			if plan, why := judge(t, db, query); why != "" && !isKnown(query) {
				t.Errorf("%s\nis done by: %s\n%s", query, strings.Join(plan, "; "), why)
			}
		}
	})
	return said
}

func (s *statements) open(t *testing.T, url string) *store.Store {
	t.Helper()
	openMigrated(t, url)
	recorded, err := store.OpenRecorded(t.Context(), store.Config{URL: url}, s.add)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := recorded.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return recorded
}

func isKnown(query string) bool {
	for part := range known() {
		if strings.Contains(query, part) {
			return true
		}
	}
	return false
}

// everyFilter asks for lists by all there is to ask for, alone and together.
func everyFilter(t *testing.T, s *store.Store) {
	t.Helper()
	err := s.Read(t.Context(), func(tx slipway.Tx) error {
		for _, states := range [][]slipway.State{nil, {slipway.Waiting}, {slipway.Running, slipway.Paused, slipway.Reverting}, {slipway.Failed}, {slipway.Failed, slipway.Waiting}} {
			var f slipway.DeploymentFilter
			for range subsets(&f.Team, &f.Service, &f.Environment, &f.Version, &f.RequestedBy) {
				f.States, f.Since = states, time.Now()
				if _, _, err := tx.Deployments().List(t.Context(), f, slipway.Page{}); err != nil {
					return err
				}
			}
		}
		for _, action := range []string{"", "deployment.approve", "deployment.", "deployment.approve."} {
			var f slipway.AuditFilter
			for range subsets(&f.Team, &f.Service, &f.Environment, &f.Actor) {
				f.Action = action
				if _, _, err := tx.Audit().List(t.Context(), f, slipway.Page{}); err != nil {
					return err
				}
			}
		}
		many := strings.Split(strings.Repeat("service ", 50), " ")
		for _, services := range [][]string{many[:1], many[:2], many} {
			if _, err := tx.Deployments().ActiveOf(t.Context(), services); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// subsets fills in none of the fields, each, and all that may be together.
func subsets(fields ...*string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for set := range 1 << len(fields) {
			for i, field := range fields {
				*field = strings.Repeat("x", set>>i&1)
			}
			if !yield(set) {
				return
			}
		}
	}
}

// judge returns how a statement is done, and what is wrong with that.
func judge(t *testing.T, db *sql.DB, query string) (plan []string, why string) {
	t.Helper()
	if !regexp.MustCompile(`^(SELECT|UPDATE|DELETE|INSERT|WITH) `).MatchString(query) || strings.Contains(query, "river_") {
		return nil, ""
	}
	plan = planOf(t, db, query)
	whole := strings.Join(plan, "; ")
	for _, step := range plan {
		found := regexp.MustCompile(`^(SCAN|SEARCH) (\S+)(.*)`).FindStringSubmatch(step)
		if found == nil {
			continue
		}
		table := tableOf(query, found[2])
		if !slices.Contains(growing(), table) || slices.ContainsFunc(narrow(), func(way string) bool { return strings.Contains(step, way) }) {
			continue
		}
		active := table == "deployments" && strings.Contains(query, "IN ('waiting', 'running', 'paused', 'reverting')")
		switch {
		case active && strings.Contains(step, "deployments_by_state"): // of which there are few
		case active:
			return plan, "what is active is looked for among all that ever was"
		case found[1] == "SEARCH" && found[3] == "" && strings.Contains(query, "max(id)"): // the end of the table
		case found[1] == "SCAN" && strings.Contains(query, "WHERE"):
			return plan, "it reads the whole table for what it may not find"
		case !strings.Contains(query, "LIMIT"):
			return plan, "it reads all that ever was"
		case strings.Contains(whole, "USE TEMP B-TREE FOR ORDER BY"):
			return plan, "it reads all that ever was, to sort it"
		}
	}
	return plan, ""
}

func planOf(t *testing.T, db *sql.DB, query string) (plan []string) {
	t.Helper()
	// A question mark within a text would have no value.
	rows, err := db.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
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
	return plan
}

// tableOf is the table that a plan speaks of by the name it has in the query.
func tableOf(query, name string) string {
	for _, found := range regexp.MustCompile(`(?i)\b(?:FROM|JOIN) (\w+) (\w+)`).FindAllStringSubmatch(query, -1) {
		if found[2] == name {
			return found[1]
		}
	}
	return name
}
