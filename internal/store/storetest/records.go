package storetest

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testLogs(t *testing.T, f fixture) {
	f.seed(t, "api")
	d := f.insert(t, deployment("api", "staging"))
	lines := make([]slipway.LogLine, 1203)
	for i := range lines {
		lines[i] = slipway.LogLine{At: noon(), Source: "api-1", Stream: "stderr", Text: numbered("line", i)}
	}
	f.read(t, func(tx slipway.Tx) error {
		cursor, err := tx.Logs().Cursor(f.ctx, d.ID)
		same(t, "cursor of nothing", cursor, "")
		return err
	})
	f.write(t, func(tx slipway.Tx) error { return tx.Logs().Append(f.ctx, d.ID, lines[:3], "c1") })
	f.write(t, func(tx slipway.Tx) error { return tx.Logs().Append(f.ctx, d.ID, nil, "c2") })
	f.write(t, func(tx slipway.Tx) error { return tx.Logs().Append(f.ctx, d.ID, lines[3:], "c3") })
	f.read(t, func(tx slipway.Tx) error {
		cursor, err := tx.Logs().Cursor(f.ctx, d.ID)
		same(t, "cursor", cursor, "c3")
		got, _ := tx.Logs().After(f.ctx, d.ID, 2, 2)
		want := []slipway.LogLine{lines[2], lines[3]}
		want[0].Number, want[1].Number = 3, 4
		same(t, "lines 3 and 4", got, want)
		tail, _ := tx.Logs().After(f.ctx, d.ID, 1200, 100)
		if len(tail) != 3 || tail[2].Number != 1203 || tail[2].Text != "line-1202" {
			t.Errorf("the last lines: %+v", tail)
		}
		return err
	})
}

func testKeys(t *testing.T, f fixture) {
	want := slipway.KeptAnswer{Fingerprint: "f", Answer: []byte(`{"id":1}`), At: noon()}
	f.write(t, func(tx slipway.Tx) error {
		if err := tx.Keys().Put(f.ctx, "ana", "k", want); err != nil {
			return err
		}
		other := want
		other.Fingerprint = "g"
		refused(t, "the same key again", tx.Keys().Put(f.ctx, "ana", "k", other), slipway.CodeConflict)
		return tx.Keys().Put(f.ctx, "bob", "k", other)
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Keys().Get(f.ctx, "ana", "k")
		same(t, "answer", got, want)
		_, missing := tx.Keys().Get(f.ctx, "cy", "k")
		refused(t, "the key of somebody else", missing, slipway.CodeNotFound)
		return err
	})
}

func testRollback(t *testing.T, f fixture) {
	f.seed(t, "api")
	changed, cancel := f.Feed.Subscribe()
	defer cancel()
	now := time.Now()
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		d := deployment("api", "staging")
		d.NextWakeAt = &now
		if _, err := tx.Deployments().Insert(f.ctx, d); err != nil {
			t.Errorf("insert: %v", err)
		}
		err := tx.Audit().Append(f.ctx, entry("payments", "x"))
		if err != nil {
			t.Errorf("append: %v", err)
		}
		_ = tx.Events().Add(f.ctx, event("one", 1))
		if _, err := tx.Events().LastID(f.ctx); err != nil { // makes it write the event
			t.Errorf("last event: %v", err)
		}
		return errUndo
	})
	if err != errUndo { //nolint:errorlint // the very same error has to come back
		t.Errorf("the error came back as %v", err)
	}
	for _, table := range []string{"deployments", "audit", "audit_heads", "events", "river_job"} {
		if n := f.count(t, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			_ = tx.Teams().Put(f.ctx, slipway.Team{Name: "panicked"})
			panic("a bug")
		})
	}()
	f.write(t, func(tx slipway.Tx) error { // and the writer is free again
		_, missing := tx.Teams().Get(f.ctx, "panicked")
		refused(t, "what a panic left", missing, slipway.CodeNotFound)
		return nil
	})
	select {
	case <-changed:
		t.Error("the feed told of what did not happen")
	default:
	}
}

// testConflictGoesOn: a use case may meet a conflict, look, and go on in the
// same transaction. An error would end the transaction in one database only.
func testConflictGoesOn(t *testing.T, f fixture) {
	f.seed(t, "api")
	f.write(t, func(tx slipway.Tx) error {
		_, taken := tx.Releases().Add(f.ctx, release("api", "1.0.0"))
		refused(t, "release", taken, slipway.CodeConflict)
		if _, err := tx.Deployments().Insert(f.ctx, deployment("api", "staging")); err != nil {
			return err
		}
		_, active := tx.Deployments().Insert(f.ctx, deployment("api", "staging"))
		refused(t, "deployment", active, slipway.CodeConflict)
		r, err := tx.Releases().Add(f.ctx, release("api", "1.0.1"))
		if r.Seq != 2 {
			t.Errorf("the release after a conflict has seq %d, want 2", r.Seq)
		}
		return err
	})
}

func testReadOnly(t *testing.T, f fixture) {
	for name, do := range map[string]func(slipway.Tx) error{
		"put":   func(tx slipway.Tx) error { return tx.Teams().Put(f.ctx, slipway.Team{Name: "x"}) },
		"event": func(tx slipway.Tx) error { return tx.Events().Add(f.ctx, event("x", 1)) },
		"audit": func(tx slipway.Tx) error { return tx.Audit().Append(f.ctx, entry("x", "x")) },
	} {
		if err := f.Store.Read(f.ctx, do); err == nil {
			t.Errorf("%s was written by a transaction that reads", name)
		}
	}
}

func testOddValues(t *testing.T, f fixture) {
	times := []time.Time{
		noon().Add(999 * time.Nanosecond), {}, time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2100, 1, 1, 0, 0, 0, 1000, time.FixedZone("east", 9*3600)), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	for _, at := range times {
		f.write(t, func(tx slipway.Tx) error {
			return tx.Teams().Put(f.ctx, slipway.Team{Name: at.String(), CreatedAt: at})
		})
		f.read(t, func(tx slipway.Tx) error {
			got, err := tx.Teams().Get(f.ctx, at.String())
			same(t, "time", got.CreatedAt, at.UTC().Truncate(time.Microsecond))
			return err
		})
	}
	for text, want := range map[string]string{
		"": "", "plain": "plain", `'; DROP TABLE teams; --`: `'; DROP TABLE teams; --`, "? @name $1 \\ %": "? @name $1 \\ %",
		"日本語 🚢": "日本語 🚢", "nul\x00here": "nul\uFFFDhere", "broken\xff\xfe": "broken\uFFFD", "line\nfeed\r\t": "line\nfeed\r\t",
	} {
		f.write(t, func(tx slipway.Tx) error {
			e := entry("odd", "x")
			e.Summary, e.Detail = text, nil
			err := tx.Audit().Append(f.ctx, e)
			if err == nil {
				err = tx.Teams().Put(f.ctx, slipway.Team{Name: "odd", Title: text})
			}
			return err
		})
		f.read(t, func(tx slipway.Tx) error {
			got, err := tx.Teams().Get(f.ctx, "odd")
			same(t, "text", got.Title, want)
			_, none := tx.Teams().Get(f.ctx, "nul\x00")
			refused(t, "a name with a NUL", none, slipway.CodeNotFound)
			return err
		})
	}
	if fault, n := f.broken(t, "odd"); fault != "" || n != 8 {
		t.Errorf("chain of %d entries with odd text: %s", n, fault)
	}
}
