package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type setRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement"`
	Epoch       int64
	Name        string
	Environment string
	State       slipway.SetState
	Ending      slipway.SetState
	Items       doc[[]slipway.SetItem]
	OnFailure   slipway.FailureRule
	Asked       doc[slipway.SetOrder]
	Stop        doc[*slipway.SetOrder]
	Note        string
	Message     string
	CreatedAt   stamp `gorm:"autoCreateTime:false"`
	EndedAt     *stamp
}

func (setRow) TableName() string { return "release_sets" }

func rowOfSet(s slipway.ReleaseSet) setRow {
	return setRow{
		ID: s.ID, Epoch: s.Epoch, Name: s.Name, Environment: s.Environment, State: s.State, Ending: s.Ending,
		Items: docOf(s.Items), OnFailure: s.OnFailure, Asked: docOf(s.Asked), Stop: docOf(s.Stop), Note: s.Note,
		Message: s.Message, CreatedAt: stampOf(s.CreatedAt), EndedAt: stampOrNil(s.EndedAt),
	}
}

func (r setRow) domain() slipway.ReleaseSet {
	return slipway.ReleaseSet{
		ID: r.ID, Epoch: r.Epoch, Name: r.Name, Environment: r.Environment, State: r.State, Ending: r.Ending,
		Items: r.Items.V, OnFailure: r.OnFailure, Asked: r.Asked.V, Stop: r.Stop.V, Note: r.Note,
		Message: r.Message, CreatedAt: r.CreatedAt.Time, EndedAt: r.EndedAt.orNil(),
	}
}

type sets struct{ *tx }

func (s sets) Get(ctx context.Context, id int64) (slipway.ReleaseSet, error) {
	row, err := one[setRow](ctx, s.tx, "set", strconv.FormatInt(id, 10), `SELECT * FROM release_sets WHERE id = ?`, id)
	return row.domain(), err
}

func (s sets) List(ctx context.Context, service string, page slipway.Page) ([]slipway.ReleaseSet, string, error) {
	const list = "sets"
	before, err := decodeID(list, page.Cursor)
	if err != nil {
		return nil, "", err
	}
	var w where
	if before > 0 {
		w.and("id < ?", before)
	}
	if service != "" { // there are few sets, and they are asked for by service when one looks at it
		w.contains(`"service":`+strconv.Quote(service)+`,`, "items")
	}
	limit := limitOf(page)
	rows, err := many[setRow](ctx, s.tx, "list sets",
		`SELECT * FROM release_sets`+w.String()+` ORDER BY id DESC LIMIT ?`, append(w.args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	rows, more := cut(rows, limit)
	next := ""
	if more {
		next = encodeID(list, rows[len(rows)-1].ID)
	}
	return domains(rows, setRow.domain), next, nil
}

func (s sets) Active(ctx context.Context) ([]slipway.ReleaseSet, error) {
	return lists(ctx, s.tx, setRow.domain, "list active sets", `SELECT * FROM release_sets WHERE ended_at IS NULL ORDER BY id`)
}

func (s sets) Of(ctx context.Context, deployment int64) (slipway.ReleaseSet, error) {
	row, err := one[setRow](ctx, s.tx, "set of deployment", strconv.FormatInt(deployment, 10),
		`SELECT s.* FROM release_sets s JOIN release_set_deployments d ON d.release_set = s.id WHERE d.deployment = ?`, deployment)
	return row.domain(), err
}

func (s sets) Insert(ctx context.Context, v slipway.ReleaseSet) (slipway.ReleaseSet, error) {
	v.ID, v.Epoch = 0, 1
	row := rowOfSet(v)
	if _, err := s.insert(ctx, "insert set", &row); err != nil {
		return slipway.ReleaseSet{}, err
	}
	return row.domain(), nil
}

// Save also keeps which deployments are of the set, those that the items name
// no more included.
func (s sets) Save(ctx context.Context, v slipway.ReleaseSet) (slipway.ReleaseSet, error) {
	row := rowOfSet(v)
	row.Epoch++
	n, err := s.exec(ctx, "save set", `UPDATE release_sets SET epoch = ?, state = ?, ending = ?, items = ?, stop = ?,
		message = ?, ended_at = ? WHERE id = ? AND epoch = ?`,
		row.Epoch, row.State, row.Ending, row.Items, row.Stop, row.Message, row.EndedAt, row.ID, v.Epoch)
	if err != nil {
		return slipway.ReleaseSet{}, err
	}
	if n == 0 {
		if _, err := s.Get(ctx, v.ID); err != nil {
			return slipway.ReleaseSet{}, err
		}
		return slipway.ReleaseSet{}, slipway.Conflict(fmt.Sprintf("Set %d has moved on in the meantime.", v.ID),
			"Look at it again; somebody or something was quicker.")
	}
	for _, id := range v.Deployments() {
		_, err := s.exec(ctx, "keep deployment of set",
			`INSERT INTO release_set_deployments (deployment, release_set) VALUES (?, ?) ON CONFLICT DO NOTHING`, id, v.ID)
		if err != nil {
			return slipway.ReleaseSet{}, err
		}
	}
	return row.domain(), nil
}
