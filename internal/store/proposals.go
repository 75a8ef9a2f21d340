package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type proposalRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement"`
	Epoch       int64
	Service     string
	Environment string
	Proposal    doc[slipway.SecretProposal]
	CreatedAt   stamp `gorm:"autoCreateTime:false"`
	EndedAt     *stamp
}

func (proposalRow) TableName() string { return "secret_proposals" }

func rowOfProposal(p slipway.SecretProposal) proposalRow {
	return proposalRow{ID: p.ID, Epoch: p.Epoch, Service: p.Service, Environment: p.Environment, Proposal: docOf(p),
		CreatedAt: stampOf(p.CreatedAt), EndedAt: stampOrNil(p.EndedAt)}
}

func (r proposalRow) domain() slipway.SecretProposal {
	p := r.Proposal.V
	p.ID, p.Epoch, p.CreatedAt, p.EndedAt = r.ID, r.Epoch, r.CreatedAt.Time, r.EndedAt.orNil()
	return p
}

type proposals struct{ *tx }

func (s proposals) Get(ctx context.Context, id int64) (slipway.SecretProposal, error) {
	row, err := one[proposalRow](ctx, s.tx, "change of secrets", strconv.FormatInt(id, 10), `SELECT * FROM secret_proposals WHERE id = ?`, id)
	return row.domain(), err
}

func (s proposals) Open(ctx context.Context) ([]slipway.SecretProposal, error) {
	return remembered(ctx, s.tx, proposalRow.domain, "list open changes of secrets", `SELECT * FROM secret_proposals WHERE ended_at IS NULL ORDER BY id`)
}

func (s proposals) Of(ctx context.Context, service string, limit int) ([]slipway.SecretProposal, error) {
	return lists(ctx, s.tx, proposalRow.domain, "list changes of secrets",
		`SELECT * FROM secret_proposals WHERE service = ? ORDER BY id DESC LIMIT ?`, service, limit)
}

func (s proposals) Insert(ctx context.Context, p slipway.SecretProposal) (slipway.SecretProposal, error) {
	p.ID, p.Epoch = 0, 1
	row := rowOfProposal(p)
	if _, err := s.insert(ctx, "insert change of secrets", &row); err != nil {
		return slipway.SecretProposal{}, err
	}
	return row.domain(), nil
}

func (s proposals) Save(ctx context.Context, p slipway.SecretProposal) (slipway.SecretProposal, error) {
	row := rowOfProposal(p)
	row.Epoch++
	n, err := s.exec(ctx, "save change of secrets", `UPDATE secret_proposals SET epoch = ?, proposal = ?, ended_at = ? WHERE id = ? AND epoch = ?`,
		row.Epoch, row.Proposal, row.EndedAt, row.ID, p.Epoch)
	if err != nil {
		return slipway.SecretProposal{}, err
	}
	if n == 0 {
		if _, err := s.Get(ctx, p.ID); err != nil {
			return slipway.SecretProposal{}, err
		}
		return slipway.SecretProposal{}, slipway.Conflict(fmt.Sprintf("Change of secrets %d has moved on in the meantime.", p.ID),
			"Look at it again; somebody was quicker.")
	}
	return row.domain(), nil
}
