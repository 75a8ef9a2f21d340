package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// signed checks a request as docs/notifications.md tells receivers to.
func signed(t *testing.T, secret slipway.Secret, got received, now time.Time) {
	t.Helper()
	at := got.header.Get("X-Slipway-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		t.Errorf("sent at %q, it is %s", at, now)
	}
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(at + "." + string(got.body)))
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); got.header.Get("X-Slipway-Signature") != want {
		t.Errorf("signed %s, want %s", got.header.Get("X-Slipway-Signature"), want)
	}
}

// TestToldOnceByThree: three replicas plan and send the same events; each arrives
// once, signed, and those of a deployment in their order.
func TestToldOnceByThree(t *testing.T) {
	t.Parallel()
	for name, url := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			toldOnceByThree(t, newRigOn(t, url(t)))
		})
	}
}

func toldOnceByThree(t *testing.T, r *rig) {
	t.Helper()
	there := newReceiver(t, nil)
	_, secret := r.route(app.AddNotificationRoute{Service: "billing-api", Kinds: []string{"deployment.*"}, To: webhook(there.URL + "/hook?key=k")})
	r.run(r.notifier(), r.notifier(), r.notifier())
	d := r.deployment()
	const events = 25
	for range events {
		r.event("deployment.running", d)
		r.event("deployment.log", d) // is for pages
		r.event("release.created", d)
	}
	r.until("all have arrived", func() bool { return len(r.deliveries(slipway.DeliveryFilter{State: slipway.DeliverySent})) == events })
	last := int64(0)
	got := there.all()
	same(t, "requests", len(got), events)
	for _, g := range got {
		signed(t, secret, g, r.clock())
		var body struct {
			ID, Kind, Message, URL string
			Deployment             struct{ ID int64 }
		}
		must(t, json.Unmarshal(g.body, &body))
		id, err := strconv.ParseInt(strings.TrimPrefix(body.ID, "event-"), 10, 64)
		must(t, err)
		if id <= last || body.Kind != "deployment.running" || body.Deployment.ID != d.ID || body.URL != source+"/runs/"+strconv.FormatInt(d.ID, 10) {
			t.Errorf("after event %d came %s", last, g.body)
		}
		last = id
	}
	if strings.Contains(string(got[0].body)+r.shown(), secret.Reveal()) || strings.Contains(r.shown(), "key=k") {
		t.Error("a secret is shown")
	}
}

// shown is all that the audit and the events say.
func (r *rig) shown() string {
	var out strings.Builder
	must(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		events, err := tx.Events().After(r.ctx, 0, 1000)
		if err != nil {
			return err
		}
		entries, _, err := tx.Audit().List(r.ctx, slipway.AuditFilter{}, slipway.Page{Limit: 100})
		if err != nil {
			return err
		}
		return json.NewEncoder(&out).Encode([]any{events, entries})
	}))
	return out.String()
}

// TestOneBrokenRoute: who does not answer keeps nobody else waiting, is tried
// again later and later, is given up, and says so; then somebody redelivers.
func TestOneBrokenRoute(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	broken := newReceiver(t, func(w http.ResponseWriter, n int) {
		if n <= 8 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	whole := newReceiver(t, nil)
	bad, _ := r.route(app.AddNotificationRoute{Name: "bad", To: webhook(broken.URL)})
	r.route(app.AddNotificationRoute{Name: "good", To: webhook(whole.URL)})
	n := r.notifier()
	d := r.deployment()
	r.event("deployment.failed", d)
	r.event("deployment.rolledBack", d)
	must(t, n.Plan(r.ctx))
	r.run(n)
	r.until("the good one has both", func() bool { return len(whole.all()) == 2 })
	waits := []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}
	for attempt, wait := range waits {
		r.until("it was tried", func() bool {
			return r.deliveries(slipway.DeliveryFilter{Routes: []int64{bad.ID}})[1].Attempts == attempt+1
		})
		first := r.deliveries(slipway.DeliveryFilter{Routes: []int64{bad.ID}})[1]
		if until := first.NextAt.Sub(r.clock()); first.State != slipway.DeliveryPending || first.Status != 502 || until < wait || until > wait*6/5 {
			t.Fatalf("after attempt %d it waits %s: %+v", attempt+1, until, first)
		}
		r.after(wait * 6 / 5)
	}
	r.until("it is given up", func() bool {
		return r.deliveries(slipway.DeliveryFilter{Routes: []int64{bad.ID}})[1].State == slipway.DeliveryFailed
	})
	r.until("the next of the thread arrives then", func() bool {
		return r.deliveries(slipway.DeliveryFilter{Routes: []int64{bad.ID}})[0].State == slipway.DeliverySent
	})
	routes, err := r.NotificationRoutes(r.ctx, ana)
	must(t, err)
	if h := routes[0].Health; h.FailingSince != nil || h.SentAt == nil {
		t.Errorf("it is well again, and says %+v", h)
	}
	first := r.deliveries(slipway.DeliveryFilter{Routes: []int64{bad.ID}})[1]
	_, err = r.Redeliver(r.ctx, ana, app.Redeliver{Delivery: first.ID})
	must(t, err)
	r.until("it is redelivered", func() bool {
		return r.deliveries(slipway.DeliveryFilter{Routes: []int64{bad.ID}})[1].State == slipway.DeliverySent
	})
	got := broken.all()
	again := got[len(got)-1]
	if string(again.body) != string(got[0].body) || again.header.Get("X-Slipway-Delivery") != got[0].header.Get("X-Slipway-Delivery") {
		t.Errorf("redelivered as %s", again.body)
	}
}

// TestAnswers: what comes of what the other side says, and what people read.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		does  func(http.ResponseWriter, int)
		to    string // instead of the receiver
		state slipway.DeliveryState
		says  string
	}{
		"fine":          {func(w http.ResponseWriter, _ int) { w.WriteHeader(204) }, "", slipway.DeliverySent, ""},
		"gone":          {func(w http.ResponseWriter, _ int) { w.WriteHeader(410) }, "", slipway.DeliveryFailed, "410 Gone"},
		"too many":      {func(w http.ResponseWriter, _ int) { w.Header().Set("Retry-After", "1800"); w.WriteHeader(429) }, "", slipway.DeliveryPending, "429"},
		"elsewhere":     {func(w http.ResponseWriter, _ int) { w.Header().Set("Location", "/x"); w.WriteHeader(302) }, "", slipway.DeliveryFailed, "follows no redirects"},
		"the metadata":  {nil, "http://169.254.169.254/latest", slipway.DeliveryFailed, "link-local"},
		"nobody there":  {nil, "http://127.0.0.1:1/?key=k", slipway.DeliveryPending, "cannot be reached"},
		"no such place": {nil, "http://nowhere.invalid/", slipway.DeliveryPending, "nowhere.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			to := cmpOr(c.to, newReceiver(t, c.does).URL)
			route, _ := r.route(app.AddNotificationRoute{To: webhook(to)})
			d, err := r.TestNotificationRoute(r.ctx, ana, app.TestNotificationRoute{Route: route.ID})
			must(t, err)
			must(t, r.notifier().Deliver(r.ctx, d.ID))
			got, err := r.Delivery(r.ctx, ana, d.ID)
			must(t, err)
			if got.State != c.state || !strings.Contains(got.Error, c.says) || strings.Contains(got.Error, "key=") || (got.Error == "") != (c.says == "") {
				t.Errorf("%s: %q", got.State, got.Error)
			}
			if name == "too many" && got.NextAt.Sub(r.clock()) != 30*time.Minute {
				t.Errorf("it is left alone for %s", got.NextAt.Sub(r.clock()))
			}
			routes, err := r.NotificationRoutes(r.ctx, ana)
			must(t, err)
			if failing := routes[0].Health.FailingSince != nil; failing != (c.says != "") {
				t.Errorf("the route says %+v", routes[0].Health)
			}
		})
	}
}

// TestThisMachineIsOutOfBounds without a word that lets it.
func TestThisMachineIsOutOfBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	there := newReceiver(t, nil)
	route, _ := r.route(app.AddNotificationRoute{To: webhook(there.URL)})
	d, err := r.TestNotificationRoute(r.ctx, ana, app.TestNotificationRoute{Route: route.ID})
	must(t, err)
	n := r.notifier()
	n.Senders[slipway.ToWebhook] = notify.NewWebhook(outbound.New(nil), source)
	must(t, n.Deliver(r.ctx, d.ID))
	if got := r.deliveries(slipway.DeliveryFilter{})[0]; got.State != slipway.DeliveryFailed || !strings.Contains(got.Error, "SLIPWAY_OUTBOUND_ALLOW") || len(there.all()) > 0 {
		t.Errorf("it went there: %+v", got)
	}
}

// TestARouteDoesNotOutliveItsOwner: what was planned while its owner might have it
// is not sent once they may not.
func TestARouteDoesNotOutliveItsOwner(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*rig){
		"left the group": func(r *rig) { r.person("ana") },
		"disabled": func(r *rig) {
			r.write(func(tx slipway.Tx) error {
				u, err := tx.People().User(r.ctx, "ana")
				if err != nil {
					return err
				}
				u.Disabled = true
				return tx.People().PutUser(r.ctx, u)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			there := newReceiver(t, nil)
			r.route(app.AddNotificationRoute{To: webhook(there.URL)})
			r.event("deployment.failed", r.deployment())
			n := r.notifier()
			must(t, n.Plan(r.ctx))
			end(r)
			d := r.deliveries(slipway.DeliveryFilter{})[0]
			must(t, n.Deliver(r.ctx, d.ID))
			if d = r.deliveries(slipway.DeliveryFilter{})[0]; d.State != slipway.DeliveryFailed || !strings.Contains(d.Error, "Ana") || len(there.all()) > 0 {
				t.Errorf("%s, %q, and %d requests", d.State, d.Error, len(there.all()))
			}
		})
	}
}

// TestALostReplica: what a replica was at when it died is sent by another once its
// claim has run out, and not before.
func TestALostReplica(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	there := newReceiver(t, nil)
	r.route(app.AddNotificationRoute{To: webhook(there.URL)})
	r.event("deployment.failed", r.deployment())
	n := r.notifier()
	must(t, n.Plan(r.ctx))
	id := r.deliveries(slipway.DeliveryFilter{})[0].ID
	r.write(func(tx slipway.Tx) error {
		_, err := tx.Deliveries().Claim(r.ctx, id, "who died", r.clock(), r.clock().Add(time.Minute))
		return err
	})
	must(t, n.Deliver(r.ctx, id))
	same(t, "requests while it is claimed", len(there.all()), 0)
	r.after(time.Minute)
	must(t, n.Deliver(r.ctx, id))
	must(t, n.Deliver(r.ctx, id))
	same(t, "requests", len(there.all()), 1)
}
