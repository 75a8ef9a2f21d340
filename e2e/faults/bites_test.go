package faults_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTheAuditorBites: what a lost approval, a call that was made twice, a stale
// call, a second deployment at work and a gap in the audit look like, each made
// by hand in a copy of a sound installation. An auditor that finds nothing is
// none.
func TestTheAuditorBites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite", 1)
	w.startAll()
	c := w.gather(1)
	w.until(time.Minute, "two rounds are over", func() bool { return c.done.Load() >= 2 })
	if c.judged(); t.Failed() {
		return
	}
	w.replicas[0].kill()
	damages := map[string]string{
		"a vote is lost":         "DELETE FROM votes WHERE id = (SELECT max(id) FROM votes)",
		"a vote is of another":   "UPDATE votes SET voter = 'root' WHERE id = (SELECT max(id) FROM votes)",
		"a plan was changed":     "UPDATE deployments SET plan = plan || ' ' WHERE id = (SELECT max(id) FROM deployments)",
		"a deployment lives on":  "UPDATE deployments SET state = 'running' WHERE id = (SELECT max(id) FROM deployments)",
		"nobody comes for it":    "UPDATE deployments SET next_wake_at = '2020-01-01T00:00:00.000000Z' WHERE id = (SELECT max(id) FROM deployments)",
		"an event is missing":    "DELETE FROM events WHERE kind = 'deployment.running'",
		"another generation":     `UPDATE deployments SET runs = replace(runs, '"generation":', '"generation":1') WHERE id = (SELECT max(id) FROM deployments)`,
		"the head of the audit":  "UPDATE audit_heads SET seq = seq + 1",
		"an entry is gone":       "DROP TRIGGER IF EXISTS audit_no_delete; DELETE FROM audit WHERE seq = 3",
		"an entry was changed":   "DROP TRIGGER IF EXISTS audit_no_update; UPDATE audit SET summary = 'nothing' WHERE seq = 3",
		"a deployment is gone":   "DELETE FROM deployments WHERE id = (SELECT max(deployment) FROM votes)",
		"they began out of turn": "UPDATE deployments SET ended_at = '2099-01-01T00:00:00.000000Z' WHERE id = (SELECT min(id) FROM deployments)",
	}
	for name, damage := range damages {
		path := filepath.Join(w.dir, "copy-"+strings.ReplaceAll(name, " ", "-")+".db")
		whole := openWritable(t, w.url)
		_, err := whole.Exec("VACUUM INTO '" + path + "'")
		w.ok(err)
		w.ok(whole.Close())
		copied := openWritable(t, "sqlite:"+path)
		_, err = copied.Exec(damage)
		w.ok(err)
		w.ok(copied.Close())
		sees(t, name, source{url: "sqlite:" + path, ledger: w.far.ledger, acks: c.acks})
	}
	calls := readLedger(t, w.far.ledger)
	last := len(calls) - 1
	sees(t, "a call was made twice", source{url: w.url, ledger: writeLedger(t, append(calls[:last:last], calls[last], calls[last]))})
	sees(t, "a stale call took effect", source{url: w.url, ledger: writeLedger(t, append(append([]entry{}, calls...), calls[0]))})
	sees(t, "a call was never made", source{url: w.url, ledger: writeLedger(t, calls[:last])})
	stray := calls[last]
	stray.Key = strings.Replace(stray.Key, "crowd", "nobody", 1)
	sees(t, "a call that nobody intended", source{url: w.url, ledger: writeLedger(t, append(append([]entry{}, calls...), stray))})
}

func sees(t *testing.T, name string, s source) {
	t.Helper()
	found := audit(t, s)
	if len(found.Violations) == 0 {
		t.Errorf("%s, and the auditor sees nothing", name)
		return
	}
	t.Logf("%s: %s", name, found.Violations[0])
}

func writeLedger(t *testing.T, calls []entry) string {
	t.Helper()
	var b strings.Builder
	for _, e := range calls {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	path := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
