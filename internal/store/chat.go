package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type chatAccountRow struct {
	Platform  slipway.ChatPlatform `gorm:"primaryKey"`
	Workspace string               `gorm:"primaryKey"`
	ChatUser  string               `gorm:"primaryKey"`
	UserID    string
	Name      string
	LinkedAt  stamp
}

func (chatAccountRow) TableName() string { return "chat_accounts" }

func (r chatAccountRow) domain() slipway.ChatAccount {
	return slipway.ChatAccount{
		ChatUser: slipway.ChatUser{Platform: r.Platform, Workspace: r.Workspace, ID: r.ChatUser},
		UserID:   r.UserID, Name: r.Name, LinkedAt: r.LinkedAt.Time,
	}
}

type chatAccounts struct{ *tx }

func (s chatAccounts) Get(ctx context.Context, u slipway.ChatUser) (slipway.ChatAccount, error) {
	row, err := one[chatAccountRow](ctx, s.tx, "linked chat account", u.ID,
		`SELECT * FROM chat_accounts WHERE platform = ? AND workspace = ? AND chat_user = ?`, u.Platform, u.Workspace, u.ID)
	return row.domain(), err
}

func (s chatAccounts) Of(ctx context.Context, userID string) ([]slipway.ChatAccount, error) {
	return lists(ctx, s.tx, chatAccountRow.domain, "list chat accounts",
		`SELECT * FROM chat_accounts WHERE user_id = ? ORDER BY linked_at, platform, workspace, chat_user`, userID)
}

func (s chatAccounts) Add(ctx context.Context, a slipway.ChatAccount) error {
	row := chatAccountRow{Platform: a.Platform, Workspace: a.Workspace, ChatUser: a.ID, UserID: a.UserID, Name: a.Name, LinkedAt: stampOf(a.LinkedAt)}
	added, err := s.insert(ctx, "link chat account", &row)
	if err == nil && !added {
		return slipway.Conflict("This chat account is linked already.", "Unlink it first.")
	}
	return err
}

func (s chatAccounts) Remove(ctx context.Context, u slipway.ChatUser) error {
	n, err := s.exec(ctx, "unlink chat account",
		`DELETE FROM chat_accounts WHERE platform = ? AND workspace = ? AND chat_user = ?`, u.Platform, u.Workspace, u.ID)
	if err == nil && n == 0 {
		return slipway.NotFound("linked chat account", u.ID)
	}
	return err
}

type chatRequestRow struct {
	Digest    string `gorm:"primaryKey"`
	Kind      string
	Body      []byte
	At        stamp
	ClaimedAt *stamp
}

func (chatRequestRow) TableName() string { return "chat_requests" }

func (r chatRequestRow) domain() slipway.ChatRequest {
	return slipway.ChatRequest{Digest: r.Digest, Kind: r.Kind, Body: r.Body, At: r.At.Time}
}

type chatRequests struct{ *tx }

// aside is how long ago a request was claimed, as its row says, that nobody has
// begun: so long that whoever claims next claims it first, in the order in which
// such requests came.
const aside = 100 * 365 * 24 * time.Hour

// Take inserts in the order of digests: two replicas that take the same
// requests at the same time wait for one another in the same order.
func (s chatRequests) Take(ctx context.Context, requests []slipway.ChatRequest, now time.Time) ([]bool, error) {
	order := make([]int, len(requests))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(requests[a].Digest, requests[b].Digest) })
	fresh := make([]bool, len(requests))
	const columns = 5
	for piece := range slices.Chunk(order, 100) {
		places := strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?), ", len(piece)), ", ")
		args := make([]any, 0, columns*len(piece))
		for _, i := range piece {
			r := requests[i]
			body := r.Body
			if body == nil {
				body = []byte{}
			}
			claimed := now
			if r.Aside {
				claimed = now.Add(-aside)
			}
			args = append(args, r.Digest, r.Kind, body, stampOf(r.At), stampOf(claimed))
		}
		added, err := many[struct{ Digest string }](ctx, s.tx, "take requests",
			`INSERT INTO chat_requests (digest, kind, body, at, claimed_at) VALUES `+places+` ON CONFLICT DO NOTHING RETURNING digest`, args...)
		if err != nil {
			return nil, err
		}
		isNew := map[string]bool{}
		for _, row := range added {
			isNew[row.Digest] = true
		}
		for _, i := range piece { // of the same request twice in one piece the first is the new one
			fresh[i] = isNew[requests[i].Digest]
			delete(isNew, requests[i].Digest)
		}
	}
	return fresh, nil
}

func (s chatRequests) Claim(ctx context.Context, before, now time.Time, limit int) ([]slipway.ChatRequest, error) {
	skip := ""
	if s.s.postgres {
		skip = " FOR UPDATE SKIP LOCKED"
	}
	return lists(ctx, s.tx, chatRequestRow.domain, "claim requests", `UPDATE chat_requests SET claimed_at = ? WHERE digest IN (
			SELECT digest FROM chat_requests WHERE claimed_at IS NOT NULL AND claimed_at < ? ORDER BY claimed_at LIMIT ?`+skip+`)
		RETURNING *`, stampOf(now), stampOf(before), limit)
}

func (s chatRequests) Finish(ctx context.Context, digests []string) error {
	if len(digests) == 0 {
		return nil
	}
	_, err := s.exec(ctx, "finish requests", `UPDATE chat_requests SET claimed_at = NULL, body = ? WHERE digest IN ?`, []byte{}, digests)
	return err
}

func (s chatRequests) Forget(ctx context.Context, before time.Time, limit int) (int64, error) {
	return s.exec(ctx, "forget requests",
		`DELETE FROM chat_requests WHERE digest IN (SELECT digest FROM chat_requests WHERE at < ? ORDER BY at LIMIT ?)`, stampOf(before), limit)
}
