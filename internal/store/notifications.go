package store

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type routeRow struct {
	ID           int64 `gorm:"primaryKey;autoIncrement"`
	Name         string
	Team         string
	Service      string
	Environment  string
	Kinds        doc[[]string]
	Channel      slipway.DeliveryChannel
	Address      string
	Format       slipway.DeliveryFormat
	KeyID        string
	Sealed       []byte
	Owner        doc[slipway.Person]
	CreatedAt    stamp `gorm:"autoCreateTime:false"`
	AfterEvent   int64
	FailingSince *stamp
	LastError    string
	SentAt       *stamp
}

func (routeRow) TableName() string { return "notification_routes" }

func (r routeRow) domain() slipway.NotificationRoute {
	return slipway.NotificationRoute{
		ID: r.ID, Name: r.Name, Team: r.Team, Service: r.Service, Environment: r.Environment, Kinds: r.Kinds.V,
		To:    slipway.Destination{Channel: r.Channel, Address: r.Address, Format: r.Format},
		Owner: r.Owner.V, CreatedAt: r.CreatedAt.Time, AfterEvent: r.AfterEvent,
		Sealed: slipway.SealedText{KeyID: r.KeyID, Data: r.Sealed},
		Health: slipway.RouteHealth{FailingSince: r.FailingSince.orNil(), Error: r.LastError, SentAt: r.SentAt.orNil()},
	}
}

type routes struct{ *tx }

func (s routes) List(ctx context.Context) ([]slipway.NotificationRoute, error) {
	return lists(ctx, s.tx, routeRow.domain, "list notification routes", `SELECT * FROM notification_routes ORDER BY id`)
}

func (s routes) Get(ctx context.Context, id int64) (slipway.NotificationRoute, error) {
	row, err := one[routeRow](ctx, s.tx, "notification route", strconv.FormatInt(id, 10),
		`SELECT * FROM notification_routes WHERE id = ?`, id)
	return row.domain(), err
}

func (s routes) Add(ctx context.Context, r slipway.NotificationRoute) (slipway.NotificationRoute, error) {
	if r.Kinds == nil {
		r.Kinds = []string{}
	}
	row := routeRow{
		Name: r.Name, Team: r.Team, Service: r.Service, Environment: r.Environment, Kinds: docOf(r.Kinds),
		Channel: r.To.Channel, Address: r.To.Address, Format: r.To.Format, KeyID: r.Sealed.KeyID, Sealed: r.Sealed.Data,
		Owner: docOf(r.Owner), CreatedAt: stampOf(r.CreatedAt), AfterEvent: r.AfterEvent,
		FailingSince: stampOrNil(r.Health.FailingSince), LastError: r.Health.Error, SentAt: stampOrNil(r.Health.SentAt),
	}
	_, err := s.insert(ctx, "add notification route", &row)
	return row.domain(), err
}

func (s routes) Remove(ctx context.Context, id int64) error {
	if _, err := s.exec(ctx, "remove deliveries", `DELETE FROM notification_deliveries WHERE route = ?`, id); err != nil {
		return err
	}
	n, err := s.exec(ctx, "remove notification route", `DELETE FROM notification_routes WHERE id = ?`, id)
	if err == nil && n == 0 {
		return slipway.NotFound("notification route", strconv.FormatInt(id, 10))
	}
	return err
}

func (s routes) PutSealed(ctx context.Context, id int64, v slipway.SealedText) error {
	_, err := s.exec(ctx, "keep the secret of a route", `UPDATE notification_routes SET key_id = ?, sealed = ? WHERE id = ?`, v.KeyID, v.Data, id)
	return err
}

func (s routes) PutHealth(ctx context.Context, id int64, h slipway.RouteHealth) error {
	_, err := s.exec(ctx, "keep how a route fares", `UPDATE notification_routes SET failing_since = ?, last_error = ?, sent_at = ? WHERE id = ?`,
		stampOrNil(h.FailingSince), h.Error, stampOrNil(h.SentAt), id)
	return err
}

type cursorRow struct{ Event int64 }

type noticeCursor struct{ *tx }

func (s noticeCursor) Get(ctx context.Context) (int64, error) {
	row, err := one[cursorRow](ctx, s.tx, "place in the events", "notifications",
		`SELECT event FROM notification_cursor WHERE id = 1`+s.forUpdate("UPDATE"))
	return row.Event, err
}

func (s noticeCursor) Put(ctx context.Context, event int64) error {
	_, err := s.exec(ctx, "move on in the events", `UPDATE notification_cursor SET event = ? WHERE id = 1`, event)
	return err
}

type preferencesRow struct {
	Person      string `gorm:"primaryKey"`
	Preferences doc[slipway.Preferences]
}

func (preferencesRow) TableName() string { return "notification_preferences" }

type preferences struct{ *tx }

func (s preferences) Get(ctx context.Context, person string) (slipway.Preferences, error) {
	rows, err := many[preferencesRow](ctx, s.tx, "read what a person wants to be told",
		`SELECT * FROM notification_preferences WHERE person = ?`, person)
	if err != nil || len(rows) == 0 {
		return slipway.DefaultPreferences(), err
	}
	return rows[0].Preferences.V, nil
}

func (s preferences) List(ctx context.Context) (map[string]slipway.Preferences, error) {
	rows, err := many[preferencesRow](ctx, s.tx, "list what people want to be told", `SELECT * FROM notification_preferences`)
	all := make(map[string]slipway.Preferences, len(rows))
	for _, r := range rows {
		all[r.Person] = r.Preferences.V
	}
	return all, err
}

func (s preferences) Put(ctx context.Context, person string, p slipway.Preferences) error {
	return s.put(ctx, "keep what a person wants to be told", &preferencesRow{Person: person, Preferences: docOf(p)}, []string{"person"}, "preferences")
}
