package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type announcementRow struct {
	ID         int64 `gorm:"primaryKey;autoIncrement"`
	Epoch      int64
	Deployment int64
	Platform   slipway.ChatPlatform
	Workspace  string
	Channel    string
	Message    string
	Shown      string
	Told       int64
	NextAt     *stamp
	Failed     int
	Fault      string
	CreatedAt  stamp `gorm:"autoCreateTime:false"`
}

func (announcementRow) TableName() string { return "chat_announcements" }

func (r announcementRow) domain() slipway.Announcement {
	return slipway.Announcement{
		ID: r.ID, Epoch: r.Epoch, Deployment: r.Deployment,
		Place:   slipway.Place{Platform: r.Platform, Workspace: r.Workspace, Channel: r.Channel},
		Message: r.Message, Shown: r.Shown, Told: r.Told, NextAt: r.NextAt.orNil(),
		Failed: r.Failed, Fault: r.Fault, CreatedAt: r.CreatedAt.Time,
	}
}

type announcements struct{ *tx }

func (s announcements) Add(ctx context.Context, a slipway.Announcement) (bool, error) {
	return s.insert(ctx, "add announcement", &announcementRow{
		Epoch: 1, Deployment: a.Deployment, Platform: a.Place.Platform, Workspace: a.Place.Workspace, Channel: a.Place.Channel,
		Message: a.Message, Shown: a.Shown, Told: a.Told, NextAt: stampOrNil(a.NextAt), Failed: a.Failed, Fault: a.Fault, CreatedAt: stampOf(a.CreatedAt),
	})
}

func (s announcements) Of(ctx context.Context, deployment int64) ([]slipway.Announcement, error) {
	return lists(ctx, s.tx, announcementRow.domain, "list announcements",
		`SELECT * FROM chat_announcements WHERE deployment = ? ORDER BY id`, deployment)
}

func (s announcements) Due(ctx context.Context, now time.Time, limit int) ([]slipway.Announcement, error) {
	return lists(ctx, s.tx, announcementRow.domain, "list announcements that are due",
		`SELECT * FROM chat_announcements WHERE next_at IS NOT NULL AND next_at <= ? ORDER BY next_at, id LIMIT ?`, stampOf(now), limit)
}

func (s announcements) Save(ctx context.Context, a slipway.Announcement) (slipway.Announcement, error) {
	n, err := s.exec(ctx, "save announcement", `UPDATE chat_announcements SET epoch = ?, message = ?, shown = ?, told = ?, next_at = ?, failed = ?, fault = ?
		WHERE id = ? AND epoch = ?`, a.Epoch+1, a.Message, a.Shown, a.Told, stampOrNil(a.NextAt), a.Failed, a.Fault, a.ID, a.Epoch)
	if err != nil {
		return slipway.Announcement{}, err
	}
	if n == 0 {
		return slipway.Announcement{}, slipway.Conflict(fmt.Sprintf("Announcement %s has moved on in the meantime.", strconv.FormatInt(a.ID, 10)),
			"Look at it again; another replica was quicker.")
	}
	a.Epoch++
	return a, nil
}
