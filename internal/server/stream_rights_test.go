package server

import (
	"context"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestAStreamEndsWithTheRight(t *testing.T) {
	t.Parallel()
	tests := map[string]func(r *rig, b *browser, binding slipway.Binding){
		"binding removed": func(r *rig, _ *browser, binding slipway.Binding) {
			r.write(func(tx slipway.Tx) error { return tx.Bindings().Remove(context.Background(), binding.ID) })
		},
		"signed out here":       func(_ *rig, b *browser, _ slipway.Binding) { b.post("/auth/logout", nil) },
		"signed out everywhere": func(r *rig, _ *browser, _ slipway.Binding) { r.signOutEverywhere("ben") },
		"disabled": func(r *rig, _ *browser, _ slipway.Binding) {
			u := r.person("ben")
			u.Disabled = true
			r.write(func(tx slipway.Tx) error { return tx.People().PutUser(context.Background(), u) })
		},
		"session too old": func(r *rig, _ *browser, _ slipway.Binding) { r.advance(lifetime + time.Minute) },
	}
	if checkEvery+checkRound >= 5*time.Second {
		t.Errorf("a lost right may last for %v", checkEvery+checkRound)
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			_, binding := r.catalog()
			ben := r.browser()
			ben.signIn("ben", "/")
			stream, _ := ben.follow("service:web")
			stream.next()
			r.ticks.tick(checkEvery)
			id := r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
			stream.news(id, "service:web")
			end(r, ben, binding)
			r.ticks.tick(checkEvery)
			stream.ends()
			eventually(t, "the hub to forget it", func() bool { return r.server.hub.count() == 0 })
			if _, response := ben.follow("service:web"); response.StatusCode/100 != 4 {
				t.Errorf("it comes back: %s", response.Status)
			}
		})
	}
}

func (r *rig) signOutEverywhere(person string) {
	r.t.Helper()
	if err := r.app.SignOutEverywhere(context.Background(), r.url+"/dev/issuer", person); err != nil {
		r.t.Fatal(err)
	}
}

func TestARightThatShrinksNarrowsTheBoard(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, binding := r.catalog()
	ben := r.browser()
	ben.signIn("ben", "/")
	stream, _ := ben.follow("board")
	stream.next()
	r.write(func(tx slipway.Tx) error { return tx.Bindings().Remove(context.Background(), binding.ID) })
	r.ticks.tick(checkEvery)
	eventually(t, "the check", func() bool {
		r.server.hub.mu.Lock()
		defer r.server.hub.mu.Unlock()
		for sub := range r.server.hub.streams {
			sub.mu.Lock()
			defer sub.mu.Unlock()
			return !sub.admits(slipway.DomainEvent{Service: "web", Team: "web-team"})
		}
		return false
	})
	r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
	id := r.happens(slipway.DomainEvent{Kind: "environment.locked", Environment: "dev"})
	stream.news(id, "board")
}
