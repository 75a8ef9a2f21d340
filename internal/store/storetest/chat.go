package storetest

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testChatAccounts(t *testing.T, f fixture) {
	account := func(workspace, id, user string, at time.Time) slipway.ChatAccount {
		return slipway.ChatAccount{ChatUser: slipway.ChatUser{Platform: slipway.Slack, Workspace: workspace, ID: id}, UserID: user, Name: "@" + user, LinkedAt: at}
	}
	first, second := account("T1", "U1", "u1", noon()), account("T2", "U1", "u1", noon().Add(-time.Hour))
	f.write(t, func(tx slipway.Tx) error {
		_ = tx.People().PutUser(f.ctx, slipway.User{ID: "u1", Issuer: "idp", Subject: "1", LastSeen: noon()})
		_ = tx.People().PutUser(f.ctx, slipway.User{ID: "u2", Issuer: "idp", Subject: "2", LastSeen: noon()})
		if err := tx.ChatAccounts().Add(f.ctx, first); err != nil {
			return err
		}
		return tx.ChatAccounts().Add(f.ctx, second)
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error { return tx.ChatAccounts().Add(f.ctx, account("T1", "U1", "u2", noon())) })
	refused(t, "an account of somebody else", err, slipway.CodeConflict)
	err = f.Store.Write(f.ctx, func(tx slipway.Tx) error { return tx.ChatAccounts().Add(f.ctx, account("T1", "U9", "u9", noon())) })
	refused(t, "an account of nobody", err, slipway.CodeConflict)
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.ChatAccounts().Get(f.ctx, first.ChatUser)
		same(t, "account", got, first)
		other := first.ChatUser
		other.Platform = slipway.Mattermost
		_, missing := tx.ChatAccounts().Get(f.ctx, other)
		refused(t, "the same ids in another chat system", missing, slipway.CodeNotFound)
		mine, _ := tx.ChatAccounts().Of(f.ctx, "u1")
		same(t, "accounts, oldest first", mine, []slipway.ChatAccount{second, first})
		return err
	})
	f.write(t, func(tx slipway.Tx) error { return tx.ChatAccounts().Remove(f.ctx, first.ChatUser) })
	err = f.Store.Write(f.ctx, func(tx slipway.Tx) error { return tx.ChatAccounts().Remove(f.ctx, first.ChatUser) })
	refused(t, "an account that is not linked", err, slipway.CodeNotFound)
}

func chatRequest(digest string) slipway.ChatRequest {
	return slipway.ChatRequest{Digest: digest, Kind: "command", Body: []byte("text=" + digest), At: noon()}
}

func testChatRequests(t *testing.T, f fixture) {
	take := func(now time.Time, requests ...slipway.ChatRequest) (fresh []bool) {
		f.write(t, func(tx slipway.Tx) (err error) { fresh, err = tx.ChatRequests().Take(f.ctx, requests, now); return err })
		return fresh
	}
	same(t, "the same one twice", take(noon(), chatRequest("b"), chatRequest("a"), chatRequest("b")), []bool{true, true, false})
	same(t, "one of them again", take(noon(), chatRequest("c"), chatRequest("b")), []bool{true, false})
	claim := func(before, now time.Time) (got []string) {
		f.write(t, func(tx slipway.Tx) error {
			found, err := tx.ChatRequests().Claim(f.ctx, before, now, 10)
			for _, r := range found {
				if string(r.Body) != "text="+r.Digest || !r.At.Equal(noon()) || r.Kind != "command" {
					t.Errorf("claimed %+v", r)
				}
				got = append(got, r.Digest)
			}
			return err
		})
		return got
	}
	if got := claim(noon(), noon().Add(time.Second)); len(got) != 0 {
		t.Errorf("what is being done is claimed: %v", got)
	}
	f.write(t, func(tx slipway.Tx) error { return tx.ChatRequests().Finish(f.ctx, []string{"a", "b"}) })
	later := noon().Add(time.Minute)
	same(t, "what is left", claim(noon().Add(time.Second), later), []string{"c"})
	if got := claim(noon().Add(time.Second), later); len(got) != 0 {
		t.Errorf("it is claimed twice: %v", got)
	}
	beside := chatRequest("d")
	beside.Aside = true
	same(t, "one for whoever has time", take(later, beside), []bool{true})
	same(t, "what nobody has begun", claim(noon(), later), []string{"d"})
	if got := claim(noon(), later); len(got) != 0 {
		t.Errorf("what was laid aside is claimed twice: %v", got)
	}
	same(t, "one that is done", take(later, chatRequest("a")), []bool{false})
	if n := f.count(t, `SELECT count(*) FROM chat_requests WHERE digest IN ('a', 'b') AND length(body) > 0`); n != 0 {
		t.Errorf("%d requests that are done are kept with what they held", n)
	}
	f.write(t, func(tx slipway.Tx) error {
		n, err := tx.ChatRequests().Forget(f.ctx, noon(), 10)
		if n != 0 {
			t.Errorf("%d young requests are forgotten", n)
		}
		if err == nil {
			n, err = tx.ChatRequests().Forget(f.ctx, later, 2)
		}
		if n != 2 {
			t.Errorf("%d requests are forgotten, and two were asked for", n)
		}
		return err
	})
}

// testChatRequestsTogether has many take the same requests in many orders: each
// request is new to one of them.
func testChatRequestsTogether(t *testing.T, f fixture) {
	var mu sync.Mutex
	seen := map[string]int{}
	f.together(t, 8, func(i int) error {
		requests := make([]slipway.ChatRequest, 150)
		for n := range requests {
			requests[n] = chatRequest(strconv.Itoa((n*7 + i*31) % len(requests)))
		}
		var fresh []bool
		err := f.Store.Write(f.ctx, func(tx slipway.Tx) (err error) {
			fresh, err = tx.ChatRequests().Take(f.ctx, requests, noon())
			return err
		})
		mu.Lock()
		defer mu.Unlock()
		for n, isNew := range fresh {
			if isNew {
				seen[requests[n].Digest]++
			}
		}
		return err
	})
	if len(seen) != 150 {
		t.Errorf("%d of 150 requests were new to somebody", len(seen))
	}
	for digest, n := range seen {
		if n != 1 {
			t.Errorf("request %s was new to %d", digest, n)
		}
	}
}

func testAnnouncements(t *testing.T, f fixture) {
	f.seed(t, "api")
	d := f.insert(t, deployment("api", "staging"))
	now := noon()
	place := slipway.Place{Platform: slipway.Slack, Workspace: "T1", Channel: "C1"}
	want := slipway.Announcement{Deployment: d.ID, Place: place, NextAt: &now, CreatedAt: noon()}
	other := want
	other.Place.Channel = "C2"
	for i, a := range []slipway.Announcement{want, other, want} { // the third changes nothing
		f.write(t, func(tx slipway.Tx) error {
			added, err := tx.Announcements().Add(f.ctx, a)
			same(t, "added", added, i < 2)
			return err
		})
	}
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Announcements().Of(f.ctx, d.ID)
		if err != nil || len(got) != 2 {
			t.Fatalf("of the deployment are kept %+v: %v", got, err)
		}
		want.ID, want.Epoch = got[0].ID, 1
		same(t, "announcement", got[0], want)
		early, _ := tx.Announcements().Due(f.ctx, noon().Add(-time.Second), 10)
		same(t, "due before its time", early, []slipway.Announcement{})
		due, err := tx.Announcements().Due(f.ctx, noon(), 1)
		same(t, "due", due, got[:1])
		return err
	})
	stale := want
	want.Message, want.Shown, want.Told, want.NextAt, want.Failed, want.Fault = "17.1", "abc", 9, nil, 2, "channel_not_found"
	f.write(t, func(tx slipway.Tx) error {
		saved, err := tx.Announcements().Save(f.ctx, want)
		want.Epoch = 2
		same(t, "what Save returns", saved, want)
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error { _, err := tx.Announcements().Save(f.ctx, stale); return err })
	refused(t, "an announcement that has moved on", err, slipway.CodeConflict)
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Announcements().Of(f.ctx, d.ID)
		same(t, "after saving", got[0], want)
		due, _ := tx.Announcements().Due(f.ctx, noon().Add(time.Hour), 10)
		if len(due) != 1 || due[0].Place.Channel != "C2" {
			t.Errorf("due is %+v", due)
		}
		return err
	})
}
