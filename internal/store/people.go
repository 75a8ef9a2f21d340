package store

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type userRow struct {
	ID          string `gorm:"primaryKey"`
	Issuer      string
	Subject     string
	Name        string
	Email       string
	Groups      doc[[]string]
	Theme       string
	Zone        string
	Disabled    bool
	LastSeen    stamp
	SignedOutAt *stamp
}

func (userRow) TableName() string { return "users" }

func (r userRow) domain() slipway.User {
	return slipway.User{
		ID: r.ID, Issuer: r.Issuer, Subject: r.Subject, Name: r.Name, Email: r.Email, Groups: r.Groups.V,
		Theme: r.Theme, Zone: r.Zone, Disabled: r.Disabled, LastSeen: r.LastSeen.Time, SignedOutAt: r.SignedOutAt.orNil(),
	}
}

type serviceAccountRow struct {
	ID          string `gorm:"primaryKey"`
	Description string
	CreatedAt   stamp `gorm:"autoCreateTime:false"`
}

func (serviceAccountRow) TableName() string { return "service_accounts" }

func (r serviceAccountRow) domain() slipway.ServiceAccount {
	return slipway.ServiceAccount{ID: r.ID, Description: r.Description, CreatedAt: r.CreatedAt.Time}
}

type people struct{ *tx }

func (s people) User(ctx context.Context, id string) (slipway.User, error) {
	row, err := one[userRow](ctx, s.tx, "user", id, `SELECT * FROM users WHERE id = ?`, id)
	return row.domain(), err
}

func (s people) UserBySubject(ctx context.Context, issuer, subject string) (slipway.User, error) {
	row, err := one[userRow](ctx, s.tx, "user", subject,
		`SELECT * FROM users WHERE issuer = ? AND subject = ?`, issuer, subject)
	return row.domain(), err
}

func (s people) Users(ctx context.Context) ([]slipway.User, error) {
	return lists(ctx, s.tx, userRow.domain, "list users", `SELECT * FROM users ORDER BY name, id`)
}

// PutUser fails with a conflict if another user has the same issuer and subject.
func (s people) PutUser(ctx context.Context, u slipway.User) error {
	row := userRow{
		ID: u.ID, Issuer: u.Issuer, Subject: u.Subject, Name: u.Name, Email: u.Email, Groups: docOf(u.Groups),
		Theme: u.Theme, Zone: u.Zone, Disabled: u.Disabled, LastSeen: stampOf(u.LastSeen), SignedOutAt: stampOrNil(u.SignedOutAt),
	}
	return s.put(ctx, "put user", &row, []string{"id"}, "issuer", "subject", "name", "email", "groups",
		"theme", "zone", "disabled", "last_seen", "signed_out_at")
}

func (s people) ServiceAccounts(ctx context.Context) ([]slipway.ServiceAccount, error) {
	return lists(ctx, s.tx, serviceAccountRow.domain, "list service accounts",
		`SELECT * FROM service_accounts ORDER BY id`)
}

func (s people) PutServiceAccount(ctx context.Context, v slipway.ServiceAccount) error {
	row := serviceAccountRow{ID: v.ID, Description: v.Description, CreatedAt: stampOf(v.CreatedAt)}
	return s.put(ctx, "put service account", &row, []string{"id"}, "description")
}
