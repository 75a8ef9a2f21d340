package notify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// counting counts the deliveries that are planned in one transaction.
type counting struct {
	slipway.Store
	most int
}

func (c *counting) Write(ctx context.Context, f func(slipway.Tx) error) error {
	n := 0
	err := c.Store.Write(ctx, func(tx slipway.Tx) error { n = 0; return f(countingTx{tx, &n}) })
	c.most = max(c.most, n)
	return err
}

type countingTx struct {
	slipway.Tx
	n *int
}

func (t countingTx) Deliveries() slipway.Deliveries {
	return countingDeliveries{t.Tx.Deliveries(), t.n}
}

type countingDeliveries struct {
	slipway.Deliveries
	n *int
}

func (d countingDeliveries) Add(ctx context.Context, one slipway.Delivery) (bool, error) {
	*d.n++
	return d.Deliveries.Add(ctx, one)
}

// TestPlanningKeepsNobodyWaiting: many events that many are told of are planned in
// pieces, and each is planned for each.
func TestPlanningKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const routes, events = 12, 40
	var all []int64
	for i := range routes {
		route, _ := r.route(app.AddNotificationRoute{Name: fmt.Sprint(i), To: webhook("http://127.0.0.1:1/"), Kinds: []string{"deployment.failed"}})
		all = append(all, route.ID)
	}
	d := r.deployment()
	for range events {
		r.event("deployment.failed", d)
	}
	n, store := r.notifier(), &counting{Store: r.store}
	n.Store = store
	must(t, n.Plan(r.ctx))
	if planned := r.deliveries(slipway.DeliveryFilter{Routes: all}); len(planned) != routes*events {
		t.Errorf("%d deliveries are planned of %d", len(planned), routes*events)
	}
	if store.most == 0 || store.most > 220 {
		t.Errorf("%d are planned in one transaction", store.most)
	}
}
