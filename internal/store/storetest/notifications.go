package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testRoutes(t *testing.T, f fixture) {
	since := noon().Add(time.Minute)
	want := slipway.NotificationRoute{Name: "Billing", Team: "payments", Service: "api", Environment: "production", Kinds: []string{"deployment.*", "line.stopped"},
		To:    slipway.Destination{Channel: slipway.ToWebhook, Address: "https://hooks.example.com/x", Format: slipway.FormatCDEvents},
		Owner: slipway.Person{Kind: slipway.ActorUser, ID: "ana", Name: "Ana"}, CreatedAt: noon(), AfterEvent: 7}
	other := slipway.NotificationRoute{Name: "Other", Kinds: []string{}, To: slipway.Destination{Channel: slipway.ToEmail, Address: "a@example.com", Format: slipway.FormatSlipway}, CreatedAt: noon()}
	f.write(t, func(tx slipway.Tx) (err error) {
		if want, err = tx.Routes().Add(f.ctx, want); err != nil {
			return err
		}
		if other, err = tx.Routes().Add(f.ctx, other); err != nil {
			return err
		}
		want.Sealed = slipway.SealedText{KeyID: "k1", Data: []byte{0, 1, 255}}
		want.Health = slipway.RouteHealth{FailingSince: &since, Error: "410 Gone", SentAt: &since}
		if err := tx.Routes().PutSealed(f.ctx, want.ID, want.Sealed); err != nil {
			return err
		}
		return tx.Routes().PutHealth(f.ctx, want.ID, want.Health)
	})
	if want.ID == 0 || want.ID == other.ID {
		t.Fatalf("routes have the numbers %d and %d", want.ID, other.ID)
	}
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Routes().Get(f.ctx, want.ID)
		same(t, "route", got, want)
		if err != nil {
			return err
		}
		all, err := tx.Routes().List(f.ctx)
		same(t, "routes", all, []slipway.NotificationRoute{want, other})
		return err
	})
	f.write(t, func(tx slipway.Tx) error {
		if _, err := tx.Deliveries().Add(f.ctx, delivery(want.ID, "event/1", "")); err != nil {
			return err
		}
		return tx.Routes().Remove(f.ctx, want.ID)
	})
	same(t, "deliveries of a route that is removed", f.count(t, "SELECT count(*) FROM notification_deliveries"), 0)
	f.write(t, func(tx slipway.Tx) error {
		refused(t, "removed again", tx.Routes().Remove(f.ctx, want.ID), slipway.CodeNotFound)
		_, err := tx.Routes().Get(f.ctx, want.ID)
		refused(t, "looked up", err, slipway.CodeNotFound)
		return tx.Routes().PutHealth(f.ctx, want.ID, slipway.RouteHealth{})
	})
}

func delivery(route int64, key, thread string) slipway.Delivery {
	return slipway.Delivery{Route: route, Channel: slipway.ToWebhook, Key: key, Thread: thread, State: slipway.DeliveryPending, NextAt: noon(), CreatedAt: noon(),
		Notice: slipway.Notice{Event: slipway.DomainEvent{ID: 3, At: noon(), Kind: "deployment.failed", Message: "It failed."}, Urgent: true}}
}

// addDeliveries adds them one after the other and returns their numbers.
func (f fixture) addDeliveries(t *testing.T, list ...slipway.Delivery) (ids []int64) {
	t.Helper()
	f.write(t, func(tx slipway.Tx) error {
		ids = nil
		for _, d := range list {
			fresh, err := tx.Deliveries().Add(f.ctx, d)
			if err != nil || !fresh {
				return fmt.Errorf("add %s: %t, %w", d.Key, fresh, err)
			}
			newest, _, err := tx.Deliveries().List(f.ctx, slipway.DeliveryFilter{}, slipway.Page{Limit: 1})
			if err != nil {
				return err
			}
			ids = append(ids, newest[0].ID)
		}
		return nil
	})
	return ids
}

func testDeliveries(t *testing.T, f fixture) {
	d, person := delivery(1, "event/3", "deployment/4"), delivery(0, "event/3", "")
	person.Person, person.Channel = "ana", slipway.ToEmail
	ids := f.addDeliveries(t, d, person)
	f.write(t, func(tx slipway.Tx) error {
		for _, again := range []slipway.Delivery{d, person} {
			fresh, err := tx.Deliveries().Add(f.ctx, again)
			if fresh || err != nil {
				t.Errorf("%s planned twice: %t, %v", again.Target(), fresh, err)
			}
		}
		return nil
	})
	d.ID = ids[0]
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Deliveries().Get(f.ctx, d.ID)
		same(t, "delivery", got, d)
		if err != nil {
			return err
		}
		own, _, err := tx.Deliveries().List(f.ctx, slipway.DeliveryFilter{Person: "ana"}, slipway.Page{})
		same(t, "of a person", len(own), 1)
		if err != nil {
			return err
		}
		ofRoute, next, err := tx.Deliveries().List(f.ctx, slipway.DeliveryFilter{Routes: []int64{1, 9}, State: slipway.DeliveryPending}, slipway.Page{Limit: 1})
		same(t, "of a route", ofRoute, []slipway.Delivery{d})
		same(t, "next page", next, "")
		return err
	})
	claim := func(id int64, by string, at time.Time) (won bool) {
		f.write(t, func(tx slipway.Tx) (err error) {
			won, err = tx.Deliveries().Claim(f.ctx, id, by, at, at.Add(time.Minute))
			return err
		})
		return won
	}
	if !claim(d.ID, "a", noon()) || claim(d.ID, "b", noon().Add(59*time.Second)) {
		t.Error("a claim is not its holder's alone")
	}
	if !claim(d.ID, "b", noon().Add(time.Minute)) {
		t.Error("a claim that ran out is held for ever")
	}
	d.State, d.Attempts, d.Claim, d.Status, d.SentAt = slipway.DeliverySent, 2, "a", 204, &d.CreatedAt
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error { return tx.Deliveries().Save(f.ctx, d) })
	refused(t, "the outcome of who lost the claim", err, slipway.CodeConflict)
	d.Claim = "b"
	f.write(t, func(tx slipway.Tx) error { return tx.Deliveries().Save(f.ctx, d) })
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Deliveries().Get(f.ctx, d.ID)
		d.Claim = ""
		same(t, "with its outcome", got, d)
		return err
	})
	if claim(d.ID, "c", noon().Add(time.Hour)) {
		t.Error("what was sent is claimed")
	}
}

// testDueDeliveries: of each target one at a time, within a thread in order, and
// nobody waits for another target.
func testDueDeliveries(t *testing.T, f fixture) {
	later := delivery(3, "event/9", "")
	later.NextAt = noon().Add(time.Hour)
	first, second := delivery(1, "event/1", "deployment/1"), delivery(1, "event/2", "deployment/1")
	ids := f.addDeliveries(t, first, second, delivery(1, "event/3", "deployment/2"), delivery(2, "event/1", "deployment/1"), later)
	due := func(at time.Time, except ...string) (got []int64) {
		f.read(t, func(tx slipway.Tx) error {
			list, err := tx.Deliveries().Due(f.ctx, at, except, 10)
			for _, d := range list {
				got = append(got, d.ID)
			}
			return err
		})
		return got
	}
	same(t, "due", due(noon()), []int64{ids[0], ids[3]})
	same(t, "due, but for one target", due(noon(), slipway.RouteTarget(1)), []int64{ids[3]})
	same(t, "due before their time", due(noon().Add(-time.Second)), []int64(nil))
	f.write(t, func(tx slipway.Tx) error {
		_, err := tx.Deliveries().Claim(f.ctx, ids[0], "a", noon(), noon().Add(time.Minute))
		return err
	})
	same(t, "while one of the target is on its way", due(noon()), []int64{ids[3]})
	f.write(t, func(tx slipway.Tx) error { // the first waits for another attempt: its thread waits with it, the next one does not
		d, err := tx.Deliveries().Get(f.ctx, ids[0])
		if err != nil {
			return err
		}
		d.Attempts, d.NextAt = 1, noon().Add(time.Hour)
		return tx.Deliveries().Save(f.ctx, d)
	})
	same(t, "while the first waits", due(noon()), []int64{ids[2], ids[3]})
	same(t, "later", due(noon().Add(time.Hour)), []int64{ids[3], ids[0], ids[4]})
}

// testHeldDeliveries: what is held for somebody's quiet hours keeps nothing else from
// them, and what belongs to no thread waits for nothing.
func testHeldDeliveries(t *testing.T, f fixture) {
	to := func(key, thread string, at time.Time) slipway.Delivery {
		d := delivery(0, key, thread)
		d.Person, d.Channel, d.NextAt = "ana", slipway.ToEmail, at
		return d
	}
	held := noon().Add(7 * time.Hour)
	ids := f.addDeliveries(t, to("event/1", "deployment/1", held), to("event/2", "deployment/1", noon()), to("event/3", "", noon()), to("event/4", "", noon()))
	due := func(at time.Time) (id int64) {
		f.read(t, func(tx slipway.Tx) error {
			list, err := tx.Deliveries().Due(f.ctx, at, nil, 10)
			if err == nil && len(list) != 1 {
				t.Fatalf("%d are due for one person at once", len(list))
			}
			id = list[0].ID
			return err
		})
		return id
	}
	outcome := func(id int64, change func(*slipway.Delivery)) {
		f.write(t, func(tx slipway.Tx) error {
			d, err := tx.Deliveries().Get(f.ctx, id)
			if err != nil {
				return err
			}
			change(&d)
			return tx.Deliveries().Save(f.ctx, d)
		})
	}
	sent := func(d *slipway.Delivery) { d.State = slipway.DeliverySent }
	same(t, "what is urgent", due(noon()), ids[1])
	outcome(ids[1], sent)
	same(t, "what belongs to no thread", due(noon()), ids[2])
	outcome(ids[2], func(d *slipway.Delivery) { d.Attempts, d.NextAt = 1, held })
	same(t, "while another of none is tried again", due(noon()), ids[3])
	outcome(ids[3], sent)
	same(t, "in the morning", due(held), ids[0])
}

func testNoticeCursor(t *testing.T, f fixture) {
	get := func() (at int64) {
		f.read(t, func(tx slipway.Tx) (err error) {
			at, err = tx.NoticeCursor().Get(f.ctx)
			return err
		})
		return at
	}
	same(t, "at first", get(), int64(0))
	f.together(t, 20, func(int) error { // each sees what the one before it wrote
		return f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			at, err := tx.NoticeCursor().Get(f.ctx)
			if err != nil {
				return err
			}
			return tx.NoticeCursor().Put(f.ctx, at+1)
		})
	})
	same(t, "after twenty steps at once", get(), int64(20))
}

func testPreferences(t *testing.T, f fixture) {
	want := slipway.Preferences{Teams: []string{"payments"}, Kinds: []string{"deployment.failed"}, Channel: slipway.ToSlack,
		Quiet: &slipway.QuietHours{From: "22:00", Until: "07:00", Zone: "Europe/Stockholm"}}
	f.write(t, func(tx slipway.Tx) error {
		if err := tx.People().PutUser(f.ctx, slipway.User{ID: "ana", Issuer: "i", Subject: "s", LastSeen: noon()}); err != nil {
			return err
		}
		if err := tx.Preferences().Put(f.ctx, "ana", slipway.DefaultPreferences()); err != nil {
			return err
		}
		return tx.Preferences().Put(f.ctx, "ana", want)
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Preferences().Get(f.ctx, "ana")
		same(t, "preferences", got, want)
		if err != nil {
			return err
		}
		nobody, err := tx.Preferences().Get(f.ctx, "ben")
		same(t, "of who said nothing", nobody, slipway.DefaultPreferences())
		if err != nil {
			return err
		}
		all, err := tx.Preferences().List(f.ctx)
		same(t, "of all", all, map[string]slipway.Preferences{"ana": want})
		return err
	})
}

func testForgetDeliveries(t *testing.T, f fixture) {
	old := delivery(1, "event/1", "")
	old.State = slipway.DeliveryFailed
	var list []slipway.Delivery
	for i := range 1100 {
		old.Key = numbered("old", i)
		list = append(list, old)
	}
	pending, young := delivery(1, "pending", ""), old
	young.Key, young.CreatedAt = "young", noon().Add(time.Hour)
	f.write(t, func(tx slipway.Tx) error {
		for _, d := range append(list, pending, young) {
			if _, err := tx.Deliveries().Add(f.ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	same(t, "pieces", f.forget(t, f.Archive.ForgetDeliveries, noon().Add(time.Second)), 2)
	same(t, "deliveries left", f.count(t, "SELECT count(*) FROM notification_deliveries WHERE key IN ('pending', 'young')"), 2)
	same(t, "deliveries in all", f.count(t, "SELECT count(*) FROM notification_deliveries"), 2)
}
