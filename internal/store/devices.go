package store

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type deviceRow struct {
	ID        string `gorm:"primaryKey"`
	UserCode  string
	Name      string
	Address   string
	Scopes    doc[[]slipway.Permission]
	Lifetime  doc[slipway.Duration]
	CreatedAt stamp `gorm:"autoCreateTime:false"`
	ExpiresAt stamp
	State     slipway.DeviceState
	UserID    string
	PolledAt  *stamp
}

func (deviceRow) TableName() string { return "device_logins" }

func (r deviceRow) domain() slipway.DeviceLogin {
	return slipway.DeviceLogin{
		ID: r.ID, UserCode: r.UserCode, Name: r.Name, Address: r.Address, Scopes: r.Scopes.V, Lifetime: r.Lifetime.V,
		CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time, State: r.State, UserID: r.UserID, PolledAt: r.PolledAt.orNil(),
	}
}

func deviceRowOf(d slipway.DeviceLogin) deviceRow {
	return deviceRow{
		ID: d.ID, UserCode: d.UserCode, Name: d.Name, Address: d.Address, Scopes: docOf(d.Scopes), Lifetime: docOf(d.Lifetime),
		CreatedAt: stampOf(d.CreatedAt), ExpiresAt: stampOf(d.ExpiresAt), State: d.State, UserID: d.UserID, PolledAt: stampOrNil(d.PolledAt),
	}
}

type devices struct{ *tx }

func (s devices) Get(ctx context.Context, id string) (slipway.DeviceLogin, error) {
	row, err := one[deviceRow](ctx, s.tx, "sign-in of a command line", "", `SELECT * FROM device_logins WHERE id = ?`+s.forUpdate("UPDATE"), id)
	return row.domain(), err
}

func (s devices) ByCode(ctx context.Context, code string) (slipway.DeviceLogin, error) {
	row, err := one[deviceRow](ctx, s.tx, "code", code, `SELECT * FROM device_logins WHERE user_code = ?`+s.forUpdate("UPDATE"), code)
	return row.domain(), err
}

func (s devices) Waiting(ctx context.Context, address string, now time.Time) (all, of int, err error) {
	type counts struct{ Total, Here int }
	row, err := one[counts](ctx, s.tx, "count", "", `SELECT count(*) AS total, coalesce(sum(CASE WHEN address = ? THEN 1 ELSE 0 END), 0) AS here
		FROM device_logins WHERE expires_at > ?`, address, stampOf(now))
	return row.Total, row.Here, err
}

func (s devices) Add(ctx context.Context, d slipway.DeviceLogin) error {
	if _, err := s.exec(ctx, "forget sign-ins of command lines", `DELETE FROM device_logins WHERE expires_at < ?`, stampOf(d.CreatedAt)); err != nil {
		return err
	}
	row := deviceRowOf(d)
	added, err := s.insert(ctx, "add sign-in of a command line", &row)
	if err == nil && !added {
		return slipway.Conflict("This code is taken.", "Ask for another.")
	}
	return err
}

func (s devices) Put(ctx context.Context, d slipway.DeviceLogin) error {
	row := deviceRowOf(d)
	return s.put(ctx, "put sign-in of a command line", &row, []string{"id"}, "state", "user_id", "polled_at")
}

func (s devices) Remove(ctx context.Context, id string) error {
	_, err := s.exec(ctx, "remove sign-in of a command line", `DELETE FROM device_logins WHERE id = ?`, id)
	return err
}
