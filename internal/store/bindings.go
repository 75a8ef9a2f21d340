package store

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type bindingRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement"`
	SubjectKind slipway.SubjectKind
	SubjectName string
	Role        slipway.Role
	ScopeKind   slipway.ScopeKind
	ScopeName   string
	Source      string
}

func (bindingRow) TableName() string { return "bindings" }

func (r bindingRow) domain() slipway.Binding {
	return slipway.Binding{
		ID: r.ID, Subject: slipway.Subject{Kind: r.SubjectKind, Name: r.SubjectName}, Role: r.Role,
		Scope: slipway.Scope{Kind: r.ScopeKind, Name: r.ScopeName}, Source: r.Source,
	}
}

type bindings struct{ *tx }

func (s bindings) List(ctx context.Context) ([]slipway.Binding, error) {
	return lists(ctx, s.tx, bindingRow.domain, "list bindings", `SELECT * FROM bindings ORDER BY id`)
}

func (s bindings) For(ctx context.Context, a slipway.Actor) ([]slipway.Binding, error) {
	const own = `(subject_kind = ? AND subject_name = ?)`
	query, args := "", []any{}
	switch a.Kind {
	case slipway.ActorUser:
		query = own + ` OR subject_kind = ?`
		args = append(args, slipway.SubjectUser, a.ID, slipway.SubjectEveryone)
	case slipway.ActorServiceAccount:
		query = own
		args = append(args, slipway.SubjectServiceAccount, a.ID)
	default:
		return []slipway.Binding{}, nil
	}
	if len(a.Groups) > 0 {
		query += ` OR (subject_kind = ? AND subject_name IN ?)`
		args = append(args, slipway.SubjectGroup, a.Groups)
	}
	return remembered(ctx, s.tx, bindingRow.domain, "list bindings of "+a.ID,
		`SELECT * FROM bindings WHERE `+query+` ORDER BY id`, args...)
}

func (s bindings) Add(ctx context.Context, b slipway.Binding) (slipway.Binding, error) {
	row := bindingRow{
		SubjectKind: b.Subject.Kind, SubjectName: b.Subject.Name, Role: b.Role,
		ScopeKind: b.Scope.Kind, ScopeName: b.Scope.Name, Source: b.Source,
	}
	added, err := s.insert(ctx, "add binding", &row)
	if err != nil {
		return slipway.Binding{}, err
	}
	if !added {
		return slipway.Binding{}, slipway.Conflict("Exactly this role is given already.", "There is nothing left to do.")
	}
	return row.domain(), nil
}

func (s bindings) Get(ctx context.Context, id int64) (slipway.Binding, error) {
	row, err := one[bindingRow](ctx, s.tx, "binding", strconv.FormatInt(id, 10),
		`SELECT * FROM bindings WHERE id = ?`, id)
	return row.domain(), err
}

func (s bindings) Remove(ctx context.Context, id int64) error {
	n, err := s.exec(ctx, "remove binding", `DELETE FROM bindings WHERE id = ?`, id)
	if err == nil && n == 0 {
		return slipway.NotFound("binding", strconv.FormatInt(id, 10))
	}
	return err
}
