package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// RegisterService creates a service or changes its description. Version is the
// row version that was read, 0 for whatever is there now.
type RegisterService struct {
	Once
	Service slipway.Service
	Version int64
	// MustCreate refuses a name that is taken already: the form for new
	// services must not quietly change an old one.
	MustCreate bool
}

// RegisterService saves the service whole or not at all.
func (a *App) RegisterService(ctx context.Context, actor slipway.Actor, c RegisterService) (slipway.Service, error) {
	out, err := a.RegisterServices(ctx, actor, c.Once, []RegisterService{c})
	if err != nil {
		return slipway.Service{}, err
	}
	return out[0], nil
}

// RegisterServices saves several services in one transaction, so that a file
// with one fault changes nothing.
func (a *App) RegisterServices(ctx context.Context, actor slipway.Actor, once Once, commands []RegisterService) ([]slipway.Service, error) {
	var out []slipway.Service
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		out = out[:0]
		_, err := a.once(ctx, tx, actor, once, commands, func() (string, error) {
			for i, c := range commands {
				if err := a.putService(ctx, tx, actor, c, prefix(commands, i)); err != nil {
					return "", err
				}
			}
			return "registered", nil
		})
		if err != nil {
			return err
		}
		for _, c := range commands {
			s, err := a.service(ctx, tx, actor, c.Service.Name, "", slipway.ServiceRead)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

func prefix(commands []RegisterService, i int) string {
	if len(commands) == 1 {
		return ""
	}
	return fmt.Sprintf("services[%d].", i)
}

func (a *App) putService(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c RegisterService, field string) error {
	s, now := c.Service, a.now()
	if err := a.authorize(ctx, tx, actor, slipway.ServiceRegister, slipway.Resource{Team: s.Team, Service: s.Name}); err != nil {
		return err
	}
	faults := s.Validate()
	if slipway.CheckName(s.Team) == "" {
		if _, err := tx.Teams().Get(ctx, s.Team); slipway.IsNotFound(err) {
			faults = append(faults, slipway.FieldError{Field: "team", Message: fmt.Sprintf("there is no team %q", s.Team)})
		} else if err != nil {
			return err
		}
	}
	for i := range faults {
		faults[i].Field = field + faults[i].Field
	}
	if err := slipway.Invalid("The service", faults); err != nil {
		return err
	}
	if s.Title == "" {
		s.Title = s.Name
	}
	old, err := tx.Services().Get(ctx, s.Name)
	switch {
	case slipway.IsNotFound(err):
		s.CreatedAt, s.UpdatedAt = now, now
		if err := tx.Services().Insert(ctx, s); err != nil {
			return err
		}
		return a.recordService(ctx, tx, actor, s, "service.registered", "registered "+s.Name, nil)
	case err != nil:
		return err
	}
	return a.changeService(ctx, tx, actor, c, old, s)
}

func (a *App) changeService(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c RegisterService, old, s slipway.Service) error {
	if c.MustCreate {
		return slipway.Invalid("The service", []slipway.FieldError{{Field: "name", Message: "is taken by a service of team " + old.Team}})
	}
	// Moving a service to another team needs a say in both. Who rules over the
	// service alone has none in the other team.
	if err := a.authorize(ctx, tx, actor, slipway.ServiceRegister, old.Resource("")); err != nil {
		return err
	}
	if s.Team != old.Team {
		if err := a.authorize(ctx, tx, actor, slipway.ServiceRegister, slipway.Resource{Team: s.Team}); err != nil {
			return err
		}
	}
	if c.Version != 0 && c.Version != old.Version {
		return slipway.Conflict(s.Name+" was changed since you opened it.", "Look at it again, then send your change.")
	}
	if sameService(old, s) {
		return nil
	}
	s.Version, s.CreatedAt = old.Version, old.CreatedAt
	s.UpdatedAt = a.now()
	if _, err := tx.Services().Update(ctx, s); err != nil {
		return err
	}
	return a.recordService(ctx, tx, actor, s, "service.changed", "changed "+s.Name, map[string]any{"before": old, "after": s})
}

// sameService reports whether two services say the same. That one has no links
// and the other an empty list of them is no difference.
func sameService(a, b slipway.Service) bool {
	return a.Name == b.Name && a.Title == b.Title && a.Team == b.Team && a.Description == b.Description &&
		a.Repository == b.Repository && slices.Equal(a.Links, b.Links) && slices.Equal(a.Tags, b.Tags)
}

func (a *App) recordService(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.Service, action, summary string, detail any) error {
	return a.record(ctx, tx, actor, change{action: action, on: s.Resource(""), subject: "service " + s.Name, summary: summary, detail: detail})
}

// Service returns one service.
func (a *App) Service(ctx context.Context, actor slipway.Actor, name string) (slipway.Service, error) {
	var s slipway.Service
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		s, err = a.service(ctx, tx, actor, name, "", slipway.ServiceRead)
		return err
	})
	return s, err
}

// Services lists those that the actor may read.
func (a *App) Services(ctx context.Context, actor slipway.Actor, filter slipway.ServiceFilter, page slipway.Page) (out []slipway.Service, next string, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, next, err = a.services(ctx, tx, actor, filter, bounded(page))
		return err
	})
	return out, next, err
}

// services reads pages until one is full or the list ends, because what the
// actor may not see is left out.
func (a *App) services(ctx context.Context, tx slipway.Tx, actor slipway.Actor, filter slipway.ServiceFilter, page slipway.Page) ([]slipway.Service, string, error) {
	may, err := a.visible(ctx, tx, actor, slipway.ServiceRead)
	if err != nil || may.Nothing() {
		return nil, "", err
	}
	var out []slipway.Service
	for {
		rows, next, err := tx.Services().List(ctx, filter, slipway.Page{Cursor: page.Cursor, Limit: page.Limit - len(out)})
		if err != nil {
			return nil, "", err
		}
		for _, s := range rows {
			if may.Admits(s.Resource("")) {
				out = append(out, s)
			}
		}
		if next == "" || len(out) >= page.Limit {
			return out, next, nil
		}
		page.Cursor = next
	}
}

// PutTeam creates a team or changes it.
type PutTeam struct {
	Once
	Team slipway.Team
}

// PutTeam saves the team.
func (a *App) PutTeam(ctx context.Context, actor slipway.Actor, c PutTeam) (slipway.Team, error) {
	var out slipway.Team
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.authorize(ctx, tx, actor, slipway.TeamManage, slipway.Resource{}); err != nil {
			return err
		}
		t := c.Team
		if fault := slipway.CheckName(t.Name); fault != "" || t.Name == slipway.OrganisationChain {
			if fault == "" {
				fault = "is a word of Slipway's own"
			}
			return slipway.Invalid("The team", []slipway.FieldError{{Field: "name", Message: fault}})
		}
		if t.Title == "" {
			t.Title = t.Name
		}
		_, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) {
			old, err := tx.Teams().Get(ctx, t.Name)
			if err != nil && !slipway.IsNotFound(err) {
				return "", err
			}
			if t.CreatedAt = old.CreatedAt; t.CreatedAt.IsZero() {
				t.CreatedAt = a.now()
			}
			if t == old {
				return t.Name, nil
			}
			if err := tx.Teams().Put(ctx, t); err != nil {
				return "", err
			}
			return t.Name, a.record(ctx, tx, actor, change{action: "team.saved", on: slipway.Resource{Team: t.Name},
				subject: "team " + t.Name, summary: "saved team " + t.Title, detail: t})
		})
		if err != nil {
			return err
		}
		out, err = tx.Teams().Get(ctx, t.Name)
		return err
	})
	return out, err
}

// Teams lists all teams; their names are no secret among colleagues.
func (a *App) Teams(ctx context.Context, actor slipway.Actor) (out []slipway.Team, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, err = tx.Teams().List(ctx)
		return err
	})
	return out, err
}
