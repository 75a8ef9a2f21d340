package faults_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestPoison (F15): a deployer that panics, a row that nobody can read, a gate
// outside that answers nonsense: each stops its own deployment and nothing else.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "F15", "panics, poison rows, nonsense from outside", kind)
			w := newWorld(t, kind, 1)
			w.startAll()
			c := w.gather(2)
			cases := w.panics(c) + w.nonsense(c) + w.poison(c)
			found := c.judged()
			said(cases, "%s", found)
		})
	}
}

// panics has the deployer panic in each of its verbs.
func (w *world) panics(c *crowd) (cases int) {
	for _, verb := range []string{"preview", "apply", "observe", "logs"} {
		name := "panics-" + verb
		w.service(name, stage("prod", "far", canary))
		w.release(name, "1")
		w.far.set(func() {
			w.far.line = func(v string, call farCall) string {
				if v == verb && call.Target.Service == name {
					return "panic"
				}
				return ""
			}
		})
		ask := map[string]any{"environment": "prod", "version": "1"}
		a, err := w.call(w.t.Context(), w.replicas[0].url(), "root", http.MethodPost, "services/"+name+"/deployments", ask, "")
		w.ok(err)
		if refused := a.status/100 != 2; refused != (verb == "preview") || a.status == http.StatusInternalServerError {
			w.t.Errorf("with a panic in %s the promotion was answered %d %s", verb, a.status, a.body)
		}
		c.all(1, time.Minute)
		w.far.set(func() { w.far.line = nil })
		if verb == "preview" {
			w.promote(name, "1", "prod")
		}
		if d := w.ended(w.newest(name, "prod").ID, time.Minute); d.State != slipway.Succeeded {
			w.t.Errorf("once %s was mended it ended %s: %s", verb, d.State, d.Message)
		}
		cases++
	}
	return cases
}

// nonsense has gates ask an address that answers everything but what it should.
func (w *world) nonsense(c *crowd) (cases int) {
	answers := []string{"null", "{}", "[]", `{"allow": null}`, `{"allow": "yes"}`, `{"allow": true, "allow": false}`, "", "\x00\xff", strings.Repeat("[", 100_000),
		`{"reason": "` + strings.Repeat("x", 3<<20) + `"}`, `{"allow": true} {"allow": false}`, "nil"}
	outside := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		out.Header().Set("Content-Type", "application/json")
		if answers[n] == "nil" {
			hangUp(out)
			return
		}
		_, _ = out.Write([]byte(answers[n]))
	}))
	w.t.Cleanup(outside.Close)
	var ids []int64
	for n := range answers {
		name := fmt.Sprintf("nonsense-%d", n)
		w.service(name, stage("prod", "far", canary, fmt.Sprintf(`gates: [{external: {name: odd, url: "%s/%d", interval: 1s}}]`, outside.URL, n)))
		w.release(name, "1")
		ids = append(ids, w.promote(name, "1", "prod"))
	}
	c.all(1, time.Minute)
	for n, id := range ids {
		w.until(time.Minute, fmt.Sprintf("the gate that hears %.20q was judged", answers[n]), func() bool { return len(w.get(id).Verdicts) > 0 })
		if d := w.get(id); d.State != slipway.Waiting {
			w.t.Errorf("a gate that heard %.40q let it pass: %s", answers[n], d.State)
		}
		w.act(id, "cancel")
	}
	return len(answers)
}

// poison spoils columns of a row beneath the portal, one after the other, and
// mends them in the end: then the deployment goes on.
func (w *world) poison(c *crowd) (cases int) {
	db := openWritable(w.t, w.url)
	defer func() { _ = db.Close() }()
	mend := map[int64]string{}
	w.far.script(w.t, "never", fake.Script{NeverReady: true})
	for _, column := range []string{"runs", "verdicts", "probes", "plan"} {
		for _, state := range []slipway.State{slipway.Waiting, slipway.Running} {
			name := "poison-" + column + "-" + string(state)
			more := "gates: [{approval: {count: 1}}]"
			if state == slipway.Running {
				more = "deadline: 1h"
			}
			w.service(name, stage("prod", "far", more))
			w.release(name, "never")
			id := w.promote(name, "never", "prod")
			w.until(30*time.Second, "it is "+string(state), func() bool {
				d := w.get(id)
				return d.State == state && (state == slipway.Waiting || d.Current().State == slipway.Converging)
			})
			var whole sql.NullString
			w.ok(db.QueryRow(fmt.Sprintf(`SELECT %s FROM deployments WHERE id = %d`, column, id)).Scan(&whole))
			mend[id] = fmt.Sprintf(`UPDATE deployments SET %s = NULL WHERE id = %d`, column, id)
			if whole.Valid {
				mend[id] = fmt.Sprintf(`UPDATE deployments SET %s = '%s' WHERE id = %d`, column, strings.ReplaceAll(whole.String, "'", "''"), id)
			}
			_, err := db.Exec(fmt.Sprintf(`UPDATE deployments SET %s = '{"nonsense' WHERE id = %d`, column, id))
			w.ok(err)
			cases++
		}
	}
	w.replicas[0].kill() // so that nothing of it is remembered
	w.ok(w.replicas[0].start())
	c.all(2, time.Minute)
	for _, path := range []string{"board", "inbox", "services", "audit"} { // which people need most when something is wrong
		a, err := w.call(w.t.Context(), w.replicas[0].url(), "root", http.MethodGet, path, nil, "")
		w.ok(err)
		if a.status != http.StatusOK {
			w.t.Errorf("GET %s: %d %s", path, a.status, a.body)
		}
	}
	for id, statement := range mend {
		_, err := db.Exec(statement)
		w.ok(err)
		w.act(id, "cancel")
		w.ended(id, time.Minute)
	}
	return cases
}
