package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testLine(t *testing.T, f fixture) {
	want := slipway.StoppedLine{Owner: "ana", OwnerName: "Ana", Reason: "fire", Since: noon()}
	is := func(what string, want *slipway.StoppedLine) {
		t.Helper()
		f.read(t, func(tx slipway.Tx) error {
			got, err := tx.Line().Get(f.ctx)
			same(t, what, got, want)
			return err
		})
	}
	is("at first", nil)
	f.write(t, func(tx slipway.Tx) error { return tx.Line().Stop(f.ctx, want) })
	is("stopped", &want)
	f.write(t, func(tx slipway.Tx) error {
		refused(t, "stopping it twice", tx.Line().Stop(f.ctx, slipway.StoppedLine{Owner: "bob", Since: noon()}), slipway.CodeConflict)
		return nil
	})
	is("still stopped", &want)
	for range 2 {
		f.write(t, func(tx slipway.Tx) error { return tx.Line().Go(f.ctx) })
	}
	is("going again", nil)
}

func testLineStoppedOnce(t *testing.T, f fixture) {
	var first atomic.Int32
	f.together(t, 16, func(int) error {
		err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			return tx.Line().Stop(f.ctx, slipway.StoppedLine{Owner: "ana", Reason: "fire", Since: noon()})
		})
		if err == nil {
			first.Add(1)
		} else {
			refused(t, "stopping it, too", err, slipway.CodeConflict)
		}
		return nil
	})
	if first.Load() != 1 {
		t.Errorf("%d have stopped the line", first.Load())
	}
}

// testBypasses: they are kept in order and, as the audit is, against raw SQL.
func testBypasses(t *testing.T, f fixture) {
	f.seed(t, "api")
	d := f.insert(t, deployment("api", "staging"))
	want := []slipway.Bypass{
		{Deployment: d.ID, PlanDigest: d.PlanDigest, Gate: "window", Reason: "it burns", By: "root", ByName: "Root", Via: slipway.ViaREST, At: noon()},
		{Deployment: d.ID, PlanDigest: "sha256:0", Gate: "external:change ticket", Reason: "no ticket", By: "root", ByName: "Root", Via: slipway.ViaBrowser, At: noon().Add(-time.Second)},
	}
	f.write(t, func(tx slipway.Tx) error {
		for i := range want {
			added, err := tx.Bypasses().Add(f.ctx, want[i])
			if err != nil {
				return err
			}
			want[i].ID = added.ID
			same(t, "what Add returns", added, want[i])
		}
		return nil
	})
	for _, statement := range []string{`UPDATE bypasses SET reason = 'nothing'`, `DELETE FROM bypasses`} {
		if _, err := f.SQL.ExecContext(f.ctx, statement); err == nil {
			t.Errorf("the database did as told: %s", statement)
		}
	}
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Bypasses().Of(f.ctx, d.ID)
		same(t, "bypasses", got, want)
		none, noneErr := tx.Bypasses().Of(f.ctx, d.ID+1)
		same(t, "of another deployment", none, []slipway.Bypass{})
		if err == nil {
			err = noneErr
		}
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		_, err := tx.Bypasses().Add(f.ctx, slipway.Bypass{Deployment: 1 << 40, At: noon()})
		return err
	})
	refused(t, "a bypass of nothing", err, slipway.CodeConflict)
}

func testCalendars(t *testing.T, f fixture) {
	f.seed(t)
	want := []slipway.Calendar{
		{Environment: "production", Name: "Weekends", Kind: slipway.CalendarDeny, Rule: "DTSTART:20260102T170000\nRRULE:FREQ=WEEKLY", Duration: slipway.Duration(63 * time.Hour),
			Zone: "Europe/Stockholm", Reason: "rest", By: "ana", CreatedAt: noon()},
		{Name: "Office", Kind: slipway.CalendarAllow, Rule: "DTSTART:20260102T090000", Duration: slipway.Duration(90 * time.Second), Zone: "UTC", CreatedAt: noon()},
	}
	f.write(t, func(tx slipway.Tx) error {
		for i := range want {
			added, err := tx.Calendars().Add(f.ctx, want[i])
			if err != nil {
				return err
			}
			want[i].ID = added.ID
			same(t, "what Add returns", added, want[i])
		}
		return nil
	})
	f.write(t, func(tx slipway.Tx) error {
		list, err := tx.Calendars().List(f.ctx)
		same(t, "calendars", list, want)
		got, _ := tx.Calendars().Get(f.ctx, want[1].ID)
		same(t, "one for all environments", got, want[1])
		if err == nil {
			err = tx.Calendars().Remove(f.ctx, want[0].ID)
		}
		refused(t, "removing it twice", tx.Calendars().Remove(f.ctx, want[0].ID), slipway.CodeNotFound)
		_, missing := tx.Calendars().Get(f.ctx, want[0].ID)
		refused(t, "what was removed", missing, slipway.CodeNotFound)
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		_, err := tx.Calendars().Add(f.ctx, slipway.Calendar{Environment: "nowhere", CreatedAt: noon()})
		return err
	})
	refused(t, "a calendar of nothing", err, slipway.CodeConflict)
}
