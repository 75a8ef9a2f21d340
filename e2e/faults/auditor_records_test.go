package faults_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// auditEntry is an entry of the audit in the order that its hash goes by.
type auditEntry struct {
	Chain string    `json:"chain"`
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Actor struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"actor"`
	TokenID   string `json:"tokenId,omitempty"`
	Via       string `json:"via"`
	RequestID string `json:"requestId,omitempty"`
	Address   string `json:"address,omitempty"`
	Action    string `json:"action"`
	Resource  struct {
		Team        string `json:"team,omitempty"`
		Service     string `json:"service,omitempty"`
		Environment string `json:"environment,omitempty"`
	} `json:"resource"`
	Subject  string          `json:"subject,omitempty"`
	Summary  string          `json:"summary"`
	Detail   json.RawMessage `json:"detail,omitempty"`
	Previous string          `json:"previous"`
	Hash     string          `json:"hash"`
}

// chains: the audit has no gap, no change and no loose end (I8).
func (f *finding) chains(t testing.TB, db *sql.DB) {
	t.Helper()
	heads := map[string]string{}
	seq, previous := map[string]int64{}, map[string]string{}
	rowsOf(t, db, `SELECT chain, seq, CAST(at AS TEXT), actor_kind, actor_id, actor_name, token_id, via, request_id, address, action,
		team, service, environment, subject, summary, detail, previous, hash FROM audit ORDER BY chain, seq`, func(c []sql.NullString) {
		e := auditEntry{Chain: c[0].String, Seq: number(c[1]), At: instant(t, c[2].String), TokenID: c[6].String, Via: c[7].String,
			RequestID: c[8].String, Address: c[9].String, Action: c[10].String, Subject: c[14].String, Summary: c[15].String,
			Previous: c[17].String}
		e.Actor.Kind, e.Actor.ID, e.Actor.Name = c[3].String, c[4].String, c[5].String
		e.Resource.Team, e.Resource.Service, e.Resource.Environment = c[11].String, c[12].String, c[13].String
		if c[16].Valid {
			e.Detail = json.RawMessage(c[16].String)
		}
		encoded, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(encoded)
		if e.Seq != seq[e.Chain]+1 || e.Previous != previous[e.Chain] || hex.EncodeToString(sum[:]) != c[18].String {
			f.bad("entry %d of the audit chain %s does not follow entry %d", e.Seq, e.Chain, seq[e.Chain])
		}
		seq[e.Chain], previous[e.Chain] = e.Seq, c[18].String
		f.Entries++
	})
	rowsOf(t, db, `SELECT chain, seq, hash FROM audit_heads`, func(c []sql.NullString) {
		heads[c[0].String] = c[2].String
		if number(c[1]) != seq[c[0].String] || c[2].String != previous[c[0].String] {
			f.bad("the audit chain %s ends at %d, its head says %s", c[0].String, seq[c[0].String], c[1].String)
		}
	})
	for chain := range seq {
		if _, ok := heads[chain]; !ok {
			f.bad("the audit chain %s has no head", chain)
		}
	}
}

// instant reads a time as either database spells it.
func instant(t testing.TB, text string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02T15:04:05.000000Z", "2006-01-02 15:04:05.999999-07", "2006-01-02T15:04:05.999999Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	t.Fatalf("%q is no time", text)
	return time.Time{}
}

// transitions are those that docs/deployment-states.md draws.
func transitions(t testing.TB) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/deployment-states.md")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{" waiting": true}
	for _, m := range regexp.MustCompile(`(?m)^    (\w+) --> (\w+):`).FindAllStringSubmatch(string(text), -1) {
		allowed[m[1]+" "+m[2]] = true
	}
	if len(allowed) < 15 {
		t.Fatalf("docs/deployment-states.md draws only %d transitions", len(allowed))
	}
	return allowed
}

// replay walks through the events of each deployment: they lead along the
// table, to the state that the row has, and nothing follows an end (I9). The
// audit tells the same story.
func (f *finding) replay(t testing.TB, db *sql.DB, records []record) {
	t.Helper()
	allowed := transitions(t)
	final := regexp.MustCompile(`^(succeeded|failed|rolledBack|cancelled|rejected|expired|superseded)$`)
	at, ended := map[int64]string{}, map[int64]bool{}
	rowsOf(t, db, `SELECT deployment, kind FROM events WHERE deployment > 0 ORDER BY id`, func(c []sql.NullString) {
		f.Events++
		id, kind := number(c[0]), strings.TrimPrefix(c[1].String, "deployment.")
		if ended[id] && kind != "log" {
			f.bad("deployment %d had ended %s, and then came %s", id, at[id], c[1].String)
		}
		if !active(kind) && !final.MatchString(kind) {
			return
		}
		if was := at[id]; was != kind && !allowed[was+" "+kind] {
			f.bad("the events of deployment %d lead from %q to %s", id, was, kind)
		}
		at[id], ended[id] = kind, final.MatchString(kind)
	})
	audited, epochs := map[int64]string{}, map[int64]int64{}
	rowsOf(t, db, `SELECT subject, detail FROM audit WHERE action LIKE 'deployment.%' ORDER BY id`, func(c []sql.NullString) {
		var id int64
		var detail struct {
			State string
			Epoch int64
		}
		if _, err := fmt.Sscanf(c[0].String, "deployment %d", &id); err != nil || json.Unmarshal([]byte(c[1].String), &detail) != nil || detail.State == "" {
			return
		}
		if detail.Epoch <= epochs[id] {
			f.bad("the audit of deployment %d goes from epoch %d to %d", id, epochs[id], detail.Epoch)
		}
		audited[id], epochs[id] = detail.State, detail.Epoch
	})
	for _, r := range records {
		if at[r.ID] != r.State || audited[r.ID] != r.State || epochs[r.ID] > r.Epoch {
			f.bad("deployment %d is %s at epoch %d; its events say %q, its audit %q at epoch %d", r.ID, r.State, r.Epoch, at[r.ID], audited[r.ID], epochs[r.ID])
		}
	}
}

// approvals: what was acknowledged is there, once (I4); what has started past an
// approval gate had enough of them for exactly that plan, of other people, in
// time (I2).
func (f *finding) approvals(t testing.TB, db *sql.DB, records []record, acks []ack) {
	t.Helper()
	votes, bypassed := map[string][]time.Time{}, map[string]bool{}
	voters := map[string]map[string]time.Time{} // deployment and plan → voter → when
	rowsOf(t, db, `SELECT deployment, plan_digest, voter, CAST(at AS TEXT) FROM votes WHERE decision = 'approve'`, func(c []sql.NullString) {
		f.Votes++
		on := c[0].String + " " + c[1].String
		if voters[on] == nil {
			voters[on] = map[string]time.Time{}
		}
		voters[on][c[2].String] = instant(t, c[3].String)
		votes[on+" "+c[2].String] = append(votes[on+" "+c[2].String], instant(t, c[3].String))
	})
	rowsOf(t, db, `SELECT deployment, plan_digest, gate FROM bypasses`, func(c []sql.NullString) {
		bypassed[c[0].String+" "+c[1].String+" "+c[2].String] = true
	})
	for _, a := range acks {
		if n := len(votes[fmt.Sprintf("%d %s %s", a.Deployment, a.Plan, a.Voter)]); a.Voter != "" && n != 1 {
			f.bad("an approval of deployment %d was acknowledged and is there %d times", a.Deployment, n)
		}
	}
	known := map[int64]record{}
	for _, r := range records {
		known[r.ID] = r
		f.approved(t, r, voters[fmt.Sprintf("%d %s", r.ID, r.Digest)], bypassed[fmt.Sprintf("%d %s approval", r.ID, r.Digest)])
	}
	for _, a := range acks {
		if _, ok := known[a.Deployment]; !ok {
			f.bad("deployment %d was acknowledged and is not there", a.Deployment)
		}
	}
}

// apart is how far the clocks of two replicas may be apart.
const apart = 250 * time.Millisecond

func (f *finding) approved(t testing.TB, r record, voters map[string]time.Time, bypassed bool) {
	t.Helper()
	var plan struct {
		Gates []struct {
			Approval *struct {
				Count        int
				SelfApproval bool
			}
		}
	}
	if err := json.Unmarshal([]byte(r.Plan), &plan); err != nil {
		f.bad("the plan of deployment %d cannot be read: %v", r.ID, err)
		return
	}
	for _, g := range plan.Gates {
		if g.Approval == nil || !r.Started.Valid || bypassed {
			continue
		}
		started, have := instant(t, r.Started.String), 0
		for voter, at := range voters {
			if !at.After(started.Add(apart)) && (voter != r.Requester || g.Approval.SelfApproval) {
				have++
			}
		}
		if have < max(1, g.Approval.Count) {
			f.bad("deployment %d started with %d approvals of its plan, and needs %d", r.ID, have, g.Approval.Count)
		}
	}
}
