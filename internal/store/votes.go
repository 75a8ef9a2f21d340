package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type voteRow struct {
	ID         int64 `gorm:"primaryKey;autoIncrement"`
	Deployment int64
	PlanDigest string
	Decision   slipway.Decision
	Voter      string
	VoterName  string
	Groups     doc[[]string]
	Comment    string
	Via        slipway.Channel
	At         stamp
}

func (voteRow) TableName() string { return "votes" }

func (r voteRow) domain() slipway.Vote {
	return slipway.Vote{
		ID: r.ID, Deployment: r.Deployment, PlanDigest: r.PlanDigest, Decision: r.Decision, By: r.Voter,
		ByName: r.VoterName, Groups: r.Groups.V, Comment: r.Comment, Via: r.Via, At: r.At.Time,
	}
}

type votes struct{ *tx }

func (s votes) Of(ctx context.Context, deployment int64) ([]slipway.Vote, error) {
	return lists(ctx, s.tx, voteRow.domain, "list votes",
		`SELECT * FROM votes WHERE deployment = ? ORDER BY id`, deployment)
}

func (s votes) Add(ctx context.Context, v slipway.Vote) (slipway.Vote, error) {
	row := voteRow{
		Deployment: v.Deployment, PlanDigest: v.PlanDigest, Decision: v.Decision, Voter: v.By,
		VoterName: v.ByName, Groups: docOf(v.Groups), Comment: v.Comment, Via: v.Via, At: stampOf(v.At),
	}
	_, err := s.insert(ctx, "add vote", &row)
	return row.domain(), err
}

type freezeRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement"`
	Environment string
	Reason      string
	FromAt      stamp
	UntilAt     stamp
	MadeBy      string
}

func (freezeRow) TableName() string { return "freezes" }

func (r freezeRow) domain() slipway.Freeze {
	return slipway.Freeze{
		ID: r.ID, Environment: r.Environment, Reason: r.Reason,
		From: r.FromAt.Time, Until: r.UntilAt.Time, By: r.MadeBy,
	}
}

type freezes struct{ *tx }

// List asks for those of this hour, which is the same question for an hour.
func (s freezes) List(ctx context.Context, now time.Time) ([]slipway.Freeze, error) {
	list, err := remembered(ctx, s.tx, freezeRow.domain, "list freezes",
		`SELECT * FROM freezes WHERE until_at > ? ORDER BY from_at, id`, stampOf(now.Truncate(time.Hour)))
	return slices.DeleteFunc(list, func(f slipway.Freeze) bool { return !f.Until.After(stampOf(now).Time) }), err
}

func (s freezes) Add(ctx context.Context, f slipway.Freeze) (slipway.Freeze, error) {
	row := freezeRow{
		Environment: f.Environment, Reason: f.Reason,
		FromAt: stampOf(f.From), UntilAt: stampOf(f.Until), MadeBy: f.By,
	}
	_, err := s.insert(ctx, "add freeze", &row)
	return row.domain(), err
}

func (s freezes) Get(ctx context.Context, id int64) (slipway.Freeze, error) {
	row, err := one[freezeRow](ctx, s.tx, "freeze", strconv.FormatInt(id, 10),
		`SELECT * FROM freezes WHERE id = ?`, id)
	return row.domain(), err
}

func (s freezes) Remove(ctx context.Context, id int64) error {
	n, err := s.exec(ctx, "remove freeze", `DELETE FROM freezes WHERE id = ?`, id)
	if err == nil && n == 0 {
		return slipway.NotFound("freeze", strconv.FormatInt(id, 10))
	}
	return err
}
