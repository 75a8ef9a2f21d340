package store

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type lineRow struct {
	ID        int64
	Owner     string
	OwnerName string
	Reason    string
	Since     stamp
}

func (lineRow) TableName() string { return "stop_the_line" }

func (r lineRow) domain() slipway.StoppedLine {
	return slipway.StoppedLine{Owner: r.Owner, OwnerName: r.OwnerName, Reason: r.Reason, Since: r.Since.Time}
}

type line struct{ *tx }

// theLine is the only row that there can be.
const theLine = 1

func (s line) Get(ctx context.Context) (*slipway.StoppedLine, error) {
	rows, err := remembered(ctx, s.tx, lineRow.domain, "read the line", `SELECT * FROM stop_the_line`)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

func (s line) Stop(ctx context.Context, v slipway.StoppedLine) error {
	added, err := s.insert(ctx, "stop the line", &lineRow{ID: theLine, Owner: v.Owner, OwnerName: v.OwnerName, Reason: v.Reason, Since: stampOf(v.Since)})
	if err == nil && !added {
		return slipway.Conflict("The line is stopped already.", "Let it go first.")
	}
	return err
}

func (s line) Go(ctx context.Context) error {
	_, err := s.exec(ctx, "let the line go", `DELETE FROM stop_the_line`)
	return err
}

type bypassRow struct {
	ID         int64 `gorm:"primaryKey;autoIncrement"`
	Deployment int64
	PlanDigest string
	Gate       string
	Reason     string
	MadeBy     string
	ByName     string
	Via        slipway.Channel
	At         stamp
}

func (bypassRow) TableName() string { return "bypasses" }

func (r bypassRow) domain() slipway.Bypass {
	return slipway.Bypass{
		ID: r.ID, Deployment: r.Deployment, PlanDigest: r.PlanDigest, Gate: r.Gate, Reason: r.Reason,
		By: r.MadeBy, ByName: r.ByName, Via: r.Via, At: r.At.Time,
	}
}

type bypasses struct{ *tx }

func (s bypasses) Of(ctx context.Context, deployment int64) ([]slipway.Bypass, error) {
	return lists(ctx, s.tx, bypassRow.domain, "list bypasses",
		`SELECT * FROM bypasses WHERE deployment = ? ORDER BY id`, deployment)
}

func (s bypasses) Add(ctx context.Context, b slipway.Bypass) (slipway.Bypass, error) {
	row := bypassRow{
		Deployment: b.Deployment, PlanDigest: b.PlanDigest, Gate: b.Gate, Reason: b.Reason,
		MadeBy: b.By, ByName: b.ByName, Via: b.Via, At: stampOf(b.At),
	}
	_, err := s.insert(ctx, "add bypass", &row)
	return row.domain(), err
}

type calendarRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement"`
	Environment *string
	Name        string
	Kind        slipway.CalendarKind
	Rule        string
	Duration    doc[slipway.Duration]
	Zone        string
	Reason      string
	MadeBy      string
	CreatedAt   stamp `gorm:"autoCreateTime:false"`
}

func (calendarRow) TableName() string { return "freeze_calendars" }

func (r calendarRow) domain() slipway.Calendar {
	c := slipway.Calendar{
		ID: r.ID, Name: r.Name, Kind: r.Kind, Rule: r.Rule, Duration: r.Duration.V, Zone: r.Zone,
		Reason: r.Reason, By: r.MadeBy, CreatedAt: r.CreatedAt.Time,
	}
	if r.Environment != nil {
		c.Environment = *r.Environment
	}
	return c
}

type freezeCalendars struct{ *tx }

func (s freezeCalendars) List(ctx context.Context) ([]slipway.Calendar, error) {
	return remembered(ctx, s.tx, calendarRow.domain, "list calendars", `SELECT * FROM freeze_calendars ORDER BY id`)
}

func (s freezeCalendars) Get(ctx context.Context, id int64) (slipway.Calendar, error) {
	row, err := one[calendarRow](ctx, s.tx, "calendar", strconv.FormatInt(id, 10),
		`SELECT * FROM freeze_calendars WHERE id = ?`, id)
	return row.domain(), err
}

func (s freezeCalendars) Add(ctx context.Context, c slipway.Calendar) (slipway.Calendar, error) {
	row := calendarRow{
		Name: c.Name, Kind: c.Kind, Rule: c.Rule, Duration: docOf(c.Duration), Zone: c.Zone,
		Reason: c.Reason, MadeBy: c.By, CreatedAt: stampOf(c.CreatedAt),
	}
	if c.Environment != "" {
		row.Environment = &c.Environment
	}
	_, err := s.insert(ctx, "add calendar", &row)
	return row.domain(), err
}

func (s freezeCalendars) Remove(ctx context.Context, id int64) error {
	n, err := s.exec(ctx, "remove calendar", `DELETE FROM freeze_calendars WHERE id = ?`, id)
	if err == nil && n == 0 {
		return slipway.NotFound("calendar", strconv.FormatInt(id, 10))
	}
	return err
}
