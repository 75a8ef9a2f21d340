package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The part of the story in which people decide about secrets, and look at them.

var approvalPlaces = []string{"app.propose/Store.Write", "app.endProposal/Store.Write", "app.decideSecrets/Store.Write", "app.applyProposal/Store.Write",
	"app.applied/Store.Write", "app.notChanged/Store.Write", "app.RestrictSecrets/Store.Write", "app.RevealSecret/Store.Write", "app.RevealSecret/Store.Write#2"}

func (g *gauntlet) approvedSecrets() {
	g.service("approved", stage("prod", "far", "secretApproval: {count: 1, expires: 2s}", canary))
	g.service("open", stage("prod", "far", canary))
	for n := 1; g.awaits(approvalPlaces...) && n <= 12; n++ {
		g.decides(fmt.Sprint("value-", n))
		if g.awaits("app.endProposal/Store.Write") {
			id := g.proposed(fmt.Sprint("late-", n))
			g.until(30*time.Second, "nobody decided in time", func() bool { return g.keyChange(id).State == "expired" })
		}
		g.looks(fmt.Sprint("value-", n))
	}
}

type keyChange struct {
	ID            int64
	State, Digest string
	Version       int
}

func (g *gauntlet) keyChange(id int64) (c keyChange) {
	g.must("root", http.MethodGet, fmt.Sprintf("secret-changes/%d", id), nil, &c)
	return c
}

// proposed asks for a change. If a kill takes the answer, the one that waits is
// it: the same is not asked for under a key.
func (g *gauntlet) proposed(value string) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := g.again(ctx, "root", http.MethodPatch, "services/approved/environments/prod/secrets", map[string]any{"set": map[string]string{"API_KEY": value}})
	g.ok(err)
	var made struct{ Change int64 }
	g.ok(json.Unmarshal(a.body, &made))
	if a.status/100 != 2 || made.Change == 0 {
		g.t.Fatalf("a change of secrets was answered with %d %s", a.status, a.body)
	}
	return made.Change
}

// decides has a change made that somebody approves. It may expire while the
// portal is dead: then it is asked for again.
func (g *gauntlet) decides(value string) {
	g.until(time.Minute, "an approved change was made", func() bool {
		id := g.proposed(value)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		a, err := g.again(ctx, "lead", http.MethodPost, fmt.Sprintf("secret-changes/%d/approve", id), map[string]any{"digest": g.keyChange(id).Digest})
		g.ok(err)
		if a.status/100 != 2 && a.status != http.StatusConflict {
			g.t.Errorf("approving was answered with %d %s", a.status, a.body)
		}
		state := ""
		g.until(30*time.Second, "the change ended", func() bool {
			state = g.keyChange(id).State
			return state != "open" && state != "approved"
		})
		return state == "applied"
	})
}

// looks: somebody is too late with a change, sees a value, and then nobody does.
func (g *gauntlet) looks(value string) {
	const keys = "services/open/environments/prod/secrets"
	var revealed struct{ Value string }
	g.must("root", http.MethodPatch, keys, map[string]any{"set": map[string]string{"SEEN": value, "UNSEEN": value}, "restricted": false}, nil)
	g.must("root", http.MethodGet, keys+"/values/SEEN", nil, &revealed)
	if revealed.Value != value {
		g.t.Errorf("%s is shown for %s", revealed.Value, value)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := g.again(ctx, "root", http.MethodPatch, keys, map[string]any{"set": map[string]string{"SEEN": "late"}, "over": 0})
	g.ok(err)
	if a.status != http.StatusConflict {
		g.t.Errorf("a change over what was there before was answered with %d %s", a.status, a.body)
	}
	g.must("root", http.MethodPost, keys+"/restrict", map[string]any{"keys": []string{"UNSEEN"}}, nil)
}
