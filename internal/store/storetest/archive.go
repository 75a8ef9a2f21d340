package storetest

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// forget walks to the end and returns in how many pieces.
func (f fixture) forget(t *testing.T, piece func(context.Context, time.Time, int64) (int64, error), before time.Time) (pieces int) {
	t.Helper()
	for next := int64(0); ; {
		var err error
		if next, err = piece(f.ctx, before, next); err != nil {
			t.Fatalf("forget: %v", err)
		}
		if pieces++; next == 0 {
			return pieces
		}
		if pieces == 100 {
			t.Fatal("forgetting never ends")
		}
	}
}

// past inserts deployments that are as old as noon, one to a service of its
// own, which end as they are told.
func (f fixture) past(t *testing.T, change map[string]func(*slipway.Deployment)) map[string]slipway.Deployment {
	t.Helper()
	made := map[string]slipway.Deployment{}
	for service, change := range change {
		f.seed(t, service)
		d, end := deployment(service, "staging"), noon().Add(time.Minute)
		d.State, d.EndedAt = slipway.Succeeded, &end
		change(&d)
		made[service] = f.insert(t, d)
	}
	return made
}

func testForgetLogs(t *testing.T, f fixture) {
	as := func(*slipway.Deployment) {}
	made := f.past(t, map[string]func(*slipway.Deployment){"long": as}) // the first one: before it is nothing
	maps.Copy(made, f.past(t, map[string]func(*slipway.Deployment){
		"old": as, "live": as, "beside": as, "failed": as,
		"active": func(d *slipway.Deployment) { d.State, d.EndedAt = slipway.Running, nil },
		"ending": func(d *slipway.Deployment) { end := noon().Add(time.Hour); d.EndedAt = &end },
	}))
	maps.Copy(made, f.past(t, map[string]func(*slipway.Deployment){
		"young": func(d *slipway.Deployment) { d.CreatedAt = noon().Add(time.Hour) },
	}))
	stage := func(service string) slipway.StageState {
		return slipway.StageState{Team: "payments", Service: service, Environment: "staging"}
	}
	f.write(t, func(tx slipway.Tx) error {
		live, beside, failed := stage("live"), stage("beside"), stage("failed")
		live.Live = &slipway.Live{Deployment: made["live"].ID, Spec: made["live"].Plan.To, Since: noon()}
		beside.Partial = &slipway.Partial{Deployment: made["beside"].ID, Spec: made["beside"].Plan.To, Since: noon()}
		failed.Failure = &slipway.LastFailure{Deployment: made["failed"].ID, At: noon()}
		for _, s := range []slipway.StageState{live, beside, failed} {
			if err := tx.Stages().Put(f.ctx, s); err != nil {
				return err
			}
		}
		for service, d := range made {
			lines := make([]slipway.LogLine, 3)
			if service == "long" {
				lines = make([]slipway.LogLine, 12_000)
			}
			if err := tx.Logs().Append(f.ctx, d.ID, lines, "c"); err != nil {
				return err
			}
		}
		return nil
	})
	lines := func(service string) int {
		return f.count(t, fmt.Sprintf("SELECT count(*) FROM deployment_logs WHERE deployment = %d", made[service].ID))
	}
	before := noon().Add(time.Hour)
	if _, err := f.Archive.ForgetLogs(f.ctx, before, made["long"].ID-1); err != nil {
		t.Fatal(err)
	}
	same(t, "lines after one piece", lines("long"), 7000)
	if n := f.forget(t, f.Archive.ForgetLogs, before); n < 2 {
		t.Errorf("7,000 lines were forgotten in %d piece", n)
	}
	for service, d := range made {
		want := 3
		if service == "old" || service == "long" {
			want = 0
		}
		same(t, "lines of "+service, lines(service), want)
		same(t, "cursors of "+service, f.count(t, fmt.Sprintf("SELECT count(*) FROM log_cursors WHERE deployment = %d", d.ID)), want/3)
	}
	same(t, "pieces when nothing is old", f.forget(t, f.Archive.ForgetLogs, before), 1)
}

func testForgetEvents(t *testing.T, f fixture) {
	made := f.past(t, map[string]func(*slipway.Deployment){
		"old": func(*slipway.Deployment) {}, "live": func(*slipway.Deployment) {},
		"active": func(d *slipway.Deployment) { d.State, d.EndedAt = slipway.Running, nil },
	})
	add := func(kind string, deployment int64, at time.Time) {
		f.write(t, func(tx slipway.Tx) error {
			return tx.Events().Add(f.ctx, slipway.DomainEvent{Kind: kind, At: at, Deployment: deployment})
		})
	}
	f.write(t, func(tx slipway.Tx) error {
		for range 2500 {
			if err := tx.Events().Add(f.ctx, slipway.DomainEvent{Kind: "many", At: noon()}); err != nil {
				return err
			}
		}
		return tx.Stages().Put(f.ctx, slipway.StageState{Team: "payments", Service: "live", Environment: "staging",
			Live: &slipway.Live{Deployment: made["live"].ID, Spec: made["live"].Plan.To, Since: noon()}})
	})
	for service, d := range made {
		add("of "+service, d.ID, noon())
	}
	add("newest", 0, noon())
	kinds := func() (kinds []string) {
		f.read(t, func(tx slipway.Tx) error {
			events, err := tx.Events().After(f.ctx, 0, 100)
			for _, e := range events {
				kinds = append(kinds, e.Kind)
			}
			return err
		})
		return kinds
	}
	f.forget(t, f.Archive.ForgetEvents, noon())
	same(t, "events, none of them old", f.count(t, "SELECT count(*) FROM events"), 2504)
	if n := f.forget(t, f.Archive.ForgetEvents, noon().Add(time.Second)); n < 3 {
		t.Errorf("2,500 events were forgotten in %d pieces", n)
	}
	left := map[string]bool{}
	for _, kind := range kinds() {
		left[kind] = true
	}
	same(t, "what is left", left, map[string]bool{"of live": true, "of active": true, "newest": true})
	add("later", 0, noon().Add(time.Hour))
	f.forget(t, f.Archive.ForgetEvents, noon().Add(time.Second))
	if got := kinds(); len(got) != 3 || got[2] != "later" {
		t.Errorf("after a later one: %v", got)
	}
}

func testForgetKeys(t *testing.T, f fixture) {
	f.write(t, func(tx slipway.Tx) error {
		for i := range 2003 {
			if err := tx.Keys().Put(f.ctx, "ana", numbered("old", i), slipway.KeptAnswer{At: noon().Add(-time.Second)}); err != nil {
				return err
			}
		}
		return tx.Keys().Put(f.ctx, "ana", "new", slipway.KeptAnswer{At: noon()})
	})
	same(t, "pieces", f.forget(t, f.Archive.ForgetKeys, noon()), 3)
	f.read(t, func(tx slipway.Tx) error {
		_, old := tx.Keys().Get(f.ctx, "ana", "old-0000")
		refused(t, "an old key", old, slipway.CodeNotFound)
		_, err := tx.Keys().Get(f.ctx, "ana", "new")
		return err
	})
	same(t, "keys left", f.count(t, "SELECT count(*) FROM idempotency_keys"), 1)
}
