package slipway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// chain is an honest audit of so many entries.
func chain(n int) []AuditEntry {
	var out []AuditEntry
	for i := range n {
		e := AuditEntry{Chain: "web", Seq: int64(i + 1), At: t0.Add(time.Duration(i) * time.Second), Actor: anna, TokenID: "t", Via: ViaREST,
			RequestID: "r", Address: "192.0.2.1", Action: "deployment.approve", Resource: Resource{Team: "web", Service: "shop", Environment: "prod"},
			Subject: fmt.Sprint("deployment ", i), Summary: "approved", Detail: []byte(`{"plan":"x"}`)}
		if i > 0 {
			e.Previous = out[i-1].Hash
		}
		e.Hash = e.ComputeHash()
		out = append(out, e)
	}
	return out
}

// verify returns the first fault of a chain, as audit verify walks it.
func verify(entries []AuditEntry) string {
	var previous *AuditEntry
	for _, e := range entries {
		if fault := e.Follows(previous); fault != "" {
			return fault
		}
		previous = &e
	}
	return ""
}

// edits changes one field each.
var edits = map[string]func(*AuditEntry){
	"chain":     func(e *AuditEntry) { e.Chain = "other" },
	"seq":       func(e *AuditEntry) { e.Seq++ },
	"at":        func(e *AuditEntry) { e.At = e.At.Add(time.Microsecond) },
	"far at":    func(e *AuditEntry) { e.At = e.At.AddDate(10000, 0, 0) },
	"actor":     func(e *AuditEntry) { e.Actor.ID = ben.ID },
	"kind":      func(e *AuditEntry) { e.Actor.Kind = ActorSystem },
	"name":      func(e *AuditEntry) { e.Actor.Name = ben.Name },
	"token":     func(e *AuditEntry) { e.TokenID = "" },
	"via":       func(e *AuditEntry) { e.Via = ViaSlack },
	"request":   func(e *AuditEntry) { e.RequestID = "" },
	"address":   func(e *AuditEntry) { e.Address = "192.0.2.2" },
	"action":    func(e *AuditEntry) { e.Action = "deployment.reject" },
	"resource":  func(e *AuditEntry) { e.Resource.Environment = "staging" },
	"subject":   func(e *AuditEntry) { e.Subject += "1" },
	"summary":   func(e *AuditEntry) { e.Summary = "rejected" },
	"detail":    func(e *AuditEntry) { e.Detail = []byte(`{"plan":"y"}`) },
	"no detail": func(e *AuditEntry) { e.Detail = nil },
	"no JSON":   func(e *AuditEntry) { e.Detail = []byte(`{`) },
	"previous":  func(e *AuditEntry) { e.Previous = strings.Repeat("0", 64) },
	"hash":      func(e *AuditEntry) { e.Hash = strings.Repeat("0", 64) },
	"no hash":   func(e *AuditEntry) { e.Hash = "" },
}

func TestTamperingWithTheAuditIsFound(t *testing.T) {
	t.Parallel()
	if fault := verify(chain(50)); fault != "" {
		t.Fatal(fault)
	}
	attacks := map[string]func(t *rapid.T, honest []AuditEntry, at int) []AuditEntry{
		"delete": func(_ *rapid.T, honest []AuditEntry, at int) []AuditEntry { return slices.Delete(honest, at, at+1) },
		"delete and number anew": func(_ *rapid.T, honest []AuditEntry, at int) []AuditEntry {
			out := slices.Delete(honest, at, at+1)
			for i := range out {
				out[i].Seq = int64(i + 1)
			}
			return out
		},
		"reorder": func(_ *rapid.T, honest []AuditEntry, at int) []AuditEntry {
			honest[at], honest[at+1] = honest[at+1], honest[at]
			return honest
		},
		"insert": func(_ *rapid.T, honest []AuditEntry, at int) []AuditEntry {
			e := honest[at]
			e.Summary, e.Seq, e.Previous = "something else", e.Seq+1, e.Hash
			e.Hash = e.ComputeHash()
			return slices.Insert(honest, at+1, e)
		},
		"repeat": func(_ *rapid.T, honest []AuditEntry, at int) []AuditEntry {
			return slices.Insert(honest, at, honest[at])
		},
		"edit and hash anew": func(_ *rapid.T, honest []AuditEntry, at int) []AuditEntry {
			honest[at].Summary = "rejected"
			honest[at].Hash = honest[at].ComputeHash()
			return honest
		},
	}
	for name, edit := range edits {
		attacks["edit "+name] = func(t *rapid.T, honest []AuditEntry, at int) []AuditEntry {
			edit(&honest[at])
			return honest
		}
	}
	for name, attack := range attacks {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(3, 40).Draw(t, "entries")
			at := rapid.IntRange(0, n-2).Draw(t, "at")
			if verify(attack(t, chain(n), at)) == "" {
				t.Fatalf("%s at %d of %d went unseen", name, at, n)
			}
		})
	}
}

func TestWhatAChainCannotTell(t *testing.T) {
	t.Parallel()
	honest := chain(20)
	for n := range honest {
		if fault := verify(honest[:n]); fault != "" {
			t.Fatalf("a chain cut after %d is whole in itself: %s", n, fault)
		}
	}
}

func TestHashesDoNotDependOnTheDatabase(t *testing.T) {
	t.Parallel()
	e := chain(1)[0]
	e.At = e.At.Add(123456789)
	want := e.ComputeHash()
	e.At = e.At.In(time.FixedZone("CET", 3600)).Truncate(time.Microsecond)
	if e.ComputeHash() != want {
		t.Error("the zone or a nanosecond changed the hash")
	}
	e.Hash = "anything"
	if e.ComputeHash() != want {
		t.Error("the hash hashes itself")
	}
}

func TestActorsLeaveTheirTraces(t *testing.T) {
	t.Parallel()
	a := Actor{Kind: ActorUser, ID: "u", Name: "Anna", TokenID: "t", Via: ViaSlack, RequestID: "r", Address: "192.0.2.1"}
	e := a.Entry("team.put", Resource{}, "team web", "made", t0)
	if e.Chain != OrganisationChain || e.Actor != a.Person() || e.TokenID != "t" || e.Via != ViaSlack || e.RequestID != "r" || e.Address == "" {
		t.Errorf("%+v", e)
	}
	if e = a.Entry("x", Resource{Team: "web"}, "", "", t0); e.Chain != "web" {
		t.Errorf("in the chain of %s", e.Chain)
	}
}
