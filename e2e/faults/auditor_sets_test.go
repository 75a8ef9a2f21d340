package faults_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// setRecord is a release set as the database has it.
type setRecord struct {
	ID                       int64
	Environment, State, Name string
	Items                    []setEntry
}

type setEntry struct {
	Service, Version, State string
	After                   []string
	Deployment, Back        int64
}

func readSets(t testing.TB, db *sql.DB) (out []setRecord) {
	t.Helper()
	rowsOf(t, db, `SELECT id, environment, state, name, items FROM release_sets ORDER BY id`, func(c []sql.NullString) {
		s := setRecord{ID: number(c[0]), Environment: c[1].String, State: c[2].String, Name: c[3].String}
		if err := json.Unmarshal([]byte(c[4].String), &s.Items); err != nil {
			t.Errorf("set %d cannot be read: %v", s.ID, err)
		}
		out = append(out, s)
	})
	return out
}

// together: each set is asked for once and ends once; each of its deployments is
// its own, is of the release that it names, and was called for after those that
// it depends on, and taken back before them; and the end is what it says.
func (f *finding) together(t testing.TB, db *sql.DB, ledger []entry, records []record) {
	t.Helper()
	sets := readSets(t, db)
	f.Sets = len(sets)
	known := map[int64]record{}
	for _, r := range records {
		known[r.ID] = r
	}
	f.ownDeployments(t, db, sets)
	f.toldOnce(t, db, sets)
	calls := setCalls(ledger)
	for _, s := range sets {
		f.inOrder(s, calls)
		f.whole(s, known)
	}
}

// ownDeployments: nothing was started in a set's name that it does not know of,
// and so nothing twice.
func (f *finding) ownDeployments(t testing.TB, db *sql.DB, sets []setRecord) {
	t.Helper()
	named, linked := map[int64]int64{}, map[int64]int64{}
	for _, s := range sets {
		for _, i := range s.Items {
			for _, id := range []int64{i.Deployment, i.Back} {
				if other := named[id]; id != 0 && other != 0 {
					f.bad("deployment %d is in set %d and in set %d", id, other, s.ID)
				}
				named[id] = s.ID
			}
		}
	}
	rowsOf(t, db, `SELECT deployment, release_set FROM release_set_deployments`, func(c []sql.NullString) {
		linked[number(c[0])] = number(c[1])
		if set := named[number(c[0])]; set != number(c[1]) {
			f.bad("deployment %s belongs to set %s, and the items of set %d name it", c[0].String, c[1].String, set)
		}
	})
	rowsOf(t, db, `SELECT id, note FROM deployments WHERE note LIKE 'Set %'`, func(c []sql.NullString) {
		var set int64
		if _, err := fmt.Sscanf(c[1].String, "Set %d", &set); err == nil && (named[number(c[0])] != set || linked[number(c[0])] != set) {
			f.bad("deployment %s was started for set %d, which does not know of it", c[0].String, set)
		}
	})
}

// toldOnce: the audit tells once who asked for a set, and last of the end that
// its row has.
func (f *finding) toldOnce(t testing.TB, db *sql.DB, sets []setRecord) {
	t.Helper()
	told := map[string][]string{}
	rowsOf(t, db, `SELECT subject, action FROM audit WHERE action LIKE 'set.%' ORDER BY id`, func(c []sql.NullString) {
		told[c[0].String] = append(told[c[0].String], c[1].String)
	})
	for _, s := range sets {
		actions := told[fmt.Sprintf("set %d", s.ID)]
		asked := 0
		for i, a := range actions {
			if a == "set.promote" {
				asked++
			}
			if i > 0 && a == actions[i-1] {
				f.bad("the audit tells of %s of set %d twice in a row", a, s.ID)
			}
		}
		switch ended := s.State != "running" && s.State != "rollingBack"; {
		case asked != 1:
			f.bad("the audit tells %d times who asked for set %d", asked, s.ID)
		case ended && actions[len(actions)-1] != "set."+s.State:
			f.bad("set %d is %s, and the audit tells last of %s", s.ID, s.State, actions[len(actions)-1])
		}
	}
}

// setCall is where in the ledger the calls of a deployment took effect.
type setCall struct{ first, last int }

func setCalls(ledger []entry) map[int64]setCall {
	calls := map[int64]setCall{}
	for i, e := range ledger {
		generation, err := strconv.ParseInt(e.Key[strings.LastIndex(e.Key, "/")+1:], 10, 64)
		if err != nil || e.What != "applied" {
			continue
		}
		id := generation / 4096
		c, ok := calls[id]
		if !ok {
			c.first = i
		}
		c.last = i
		calls[id] = c
	}
	return calls
}

func (f *finding) inOrder(s setRecord, calls map[int64]setCall) {
	for _, item := range s.Items {
		for _, other := range s.Items {
			if !slices.Contains(item.After, other.Service) {
				continue
			}
			went, goes := calls[other.Deployment]
			came, comes := calls[item.Deployment]
			if comes && (!goes && other.Deployment != 0 || went.last > came.first) {
				f.bad("set %d called for %s before %s was there", s.ID, item.Service, other.Service)
			}
			back, backs := calls[item.Back]
			if under, taken := calls[other.Back]; taken && backs && back.last > under.first {
				f.bad("set %d took %s back under %s", s.ID, other.Service, item.Service)
			}
		}
	}
}

// whole compares the end of a set with those of its deployments.
func (f *finding) whole(s setRecord, known map[int64]record) {
	for _, i := range s.Items {
		way, back := known[i.Deployment], known[i.Back]
		for _, r := range []record{way, back} {
			if r.ID != 0 && (r.Service != i.Service || r.Environment != s.Environment) {
				f.bad("deployment %d of set %d is of %s to %s", r.ID, s.ID, r.Service, r.Environment)
			}
		}
		switch s.State {
		case "running", "rollingBack":
			f.bad("set %d is still %s", s.ID, s.State)
			return
		case "succeeded":
			if i.Deployment != 0 && (way.State != "succeeded" || way.Version != i.Version) {
				f.bad("set %d succeeded, and deployment %d of %s %s is %s", s.ID, way.ID, i.Service, way.Version, way.State)
			}
		case "rolledBack":
			if way.State == "succeeded" && back.State != "succeeded" {
				f.bad("set %d was rolled back, and %s %s came with deployment %d and did not go", s.ID, i.Service, i.Version, way.ID)
			}
		}
	}
}

// TestTheAuditorSeesSets: what it is there to find, it finds.
func TestTheAuditorSeesSets(t *testing.T) {
	t.Parallel()
	line := func(id, phase int64) entry {
		return entry{Key: fmt.Sprintf("x/prod/%d", id*4096+phase), What: "applied"}
	}
	set := setRecord{ID: 1, Environment: "prod", State: "rolledBack", Items: []setEntry{
		{Service: "shop", Version: "2", After: []string{"till"}, Deployment: 2, Back: 3}, {Service: "till", Version: "2", Deployment: 1, Back: 4}}}
	records := map[int64]record{}
	for id, service := range map[int64]string{1: "till", 2: "shop", 3: "shop", 4: "till"} {
		records[id] = record{ID: id, Service: service, Environment: "prod", Version: "2", State: "succeeded"}
	}
	for name, c := range map[string]struct {
		ledger []entry
		change func(*setRecord)
		want   string
	}{
		"fine":            {ledger: []entry{line(1, 1), line(1, 2), line(2, 1), line(3, 1), line(4, 1)}},
		"too early":       {ledger: []entry{line(1, 1), line(2, 1), line(1, 2), line(3, 1), line(4, 1)}, want: "set 1 called for shop before till was there"},
		"without":         {ledger: []entry{line(2, 1), line(3, 1), line(4, 1)}, want: "set 1 called for shop before till was there"},
		"from under":      {ledger: []entry{line(1, 1), line(2, 1), line(4, 1), line(3, 1)}, want: "set 1 took till back under shop"},
		"not gone":        {change: func(s *setRecord) { s.Items[1].Back = 0 }, want: "set 1 was rolled back, and till 2 came with deployment 1 and did not go"},
		"another version": {change: func(s *setRecord) { s.State, s.Items[0].Version = "succeeded", "3" }, want: "set 1 succeeded, and deployment 2 of shop 2 is succeeded"},
		"of others":       {change: func(s *setRecord) { s.Items[1].Back = 3 }, want: "deployment 3 of set 1 is of shop to prod"},
		"no end":          {change: func(s *setRecord) { s.State = "running" }, want: "set 1 is still running"},
	} {
		f, s := &finding{}, set
		s.Items = slices.Clone(set.Items)
		if c.change != nil {
			c.change(&s)
		}
		f.inOrder(s, setCalls(c.ledger))
		f.whole(s, records)
		if got := strings.Join(f.Violations, "; "); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
