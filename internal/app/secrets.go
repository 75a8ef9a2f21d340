package app

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// SecretMatrix is which keys a service has in which environment.
type SecretMatrix struct {
	Service      slipway.Service
	Environments []SecretColumn // of its pipeline, in order of rank
	Keys         []string       // all of them, sorted
}

// SecretColumn is one environment of the matrix. Without WhyNot it was listed.
type SecretColumn struct {
	Environment slipway.Environment
	Path        string
	View        slipway.SecretView
	Cells       map[string]SecretCell
	LastChange  *slipway.SecretChange // through Slipway; nil if it was made elsewhere, or there was none
	Pinned      map[string]int        // what runs: key → version
	Rotation    Rotation              // what is new for what runs
	Refusal     *slipway.Refusal      // by the store itself, which knows the asker
	WhyNot      string                // why the asker may not see the names
	MayWrite    string                // why not; empty: may
	MayReveal   string
	MayDestroy  string

	live *slipway.Live
}

// SecretCell is one key in one environment.
type SecretCell struct {
	Set        bool
	Needed     bool
	Restricted bool // nobody may see its value
	// Alike is a letter that cells of the key with the same value share; empty
	// where values may not be compared.
	Alike string
}

// Names lists the keys of the column, sorted.
func (c SecretColumn) Names() []string { return slices.Sorted(maps.Keys(c.Cells)) }

// noSecrets says that no store is configured.
func noSecrets() error {
	return &slipway.Error{Code: slipway.CodeUnavailable, Message: "This Slipway keeps no secrets.", Affected: "Nothing was read or changed.",
		Do: "Set SLIPWAY_SECRET_KEY for the built-in store, or VAULT_ADDR for Vault, and restart it."}
}

// Secrets tells which keys are set where, and never a value. Values are compared
// only between environments where the asker may reveal them: else, whoever may
// write in one could find out what another holds by trying.
func (a *App) Secrets(ctx context.Context, actor slipway.Actor, service string) (SecretMatrix, error) {
	m, err := a.secretColumns(ctx, actor, service)
	if err != nil {
		return m, err
	}
	own, _, err := a.Secret.As(actor)
	if err != nil {
		return m, err
	}
	values := make([]map[string]slipway.Secret, len(m.Environments))
	var wg sync.WaitGroup
	errs := make([]error, len(m.Environments))
	for i := range m.Environments {
		c := &m.Environments[i]
		if c.WhyNot != "" {
			continue
		}
		wg.Go(func() {
			c.View, errs[i] = a.Secret.LookAs(ctx, actor, m.Service, c.Environment.Name)
			if c.View.Refusal != nil {
				c.Refusal, c.WhyNot, c.Cells, c.Pinned, c.View = c.View.Refusal, c.View.Problem, nil, nil, slipway.SecretView{}
			}
			if errs[i] != nil || c.View.Version == 0 || c.MayReveal != "" || c.View.Fault != "" {
				return
			}
			if doc, err := own.Read(ctx, c.Path, c.View.Version); err == nil {
				values[i] = doc.Values // else the store's policy forbids it, and presence is what there is
			}
		})
	}
	wg.Wait()
	if err := cmp.Or(errs...); err != nil {
		return m, err
	}
	m.fill(values)
	return m, a.lastChanges(ctx, &m)
}

// SecretsIn is the column of one environment, for whoever may list it.
func (a *App) SecretsIn(ctx context.Context, actor slipway.Actor, service, environment string) (SecretColumn, error) {
	if _, err := a.secretPlace(ctx, actor, service, environment, slipway.SecretList); err != nil {
		return SecretColumn{}, err
	}
	m, err := a.Secrets(ctx, actor, service)
	for _, c := range m.Environments {
		if err == nil && c.Environment.Name == environment {
			return c, nil
		}
	}
	if err == nil {
		err = slipway.NotFound("stage of "+service, environment)
	}
	return SecretColumn{}, err
}

// secretColumns loads what the matrix is about and what the asker may.
func (a *App) secretColumns(ctx context.Context, actor slipway.Actor, service string) (m SecretMatrix, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		m = SecretMatrix{}
		if m.Service, err = a.service(ctx, tx, actor, service, "", slipway.ServiceRead); err != nil {
			return err
		}
		if a.Secret == nil {
			return noSecrets()
		}
		environments, err := tx.Environments().List(ctx)
		if err != nil {
			return err
		}
		pipeline, err := tx.Pipelines().Latest(ctx, service)
		if err != nil && !slipway.IsNotFound(err) {
			return err
		}
		for _, e := range environments {
			stage, ok := pipeline.Stage(e.Name)
			if !ok {
				continue
			}
			c, err := a.secretColumn(ctx, tx, actor, m.Service, e, stage)
			if err != nil {
				return err
			}
			m.Environments = append(m.Environments, c)
		}
		return nil
	})
	return m, err
}

func (a *App) secretColumn(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.Service, e slipway.Environment, stage slipway.Stage) (SecretColumn, error) {
	c := SecretColumn{Environment: e, Path: a.Secret.Path(s, e.Name), Cells: map[string]SecretCell{}}
	for _, key := range stage.Secrets {
		c.Cells[key] = SecretCell{Needed: true}
	}
	marks, err := tx.SecretMarks().Of(ctx, s.Name, e.Name)
	if err != nil {
		return c, err
	}
	for _, key := range marks.Closed(0) {
		cell := c.Cells[key]
		cell.Restricted = true
		c.Cells[key] = cell
	}
	state, err := tx.Stages().Get(ctx, s.Name, e.Name)
	if err != nil {
		return c, err
	}
	if state.Live != nil {
		c.Pinned, c.live = state.Live.Spec.Secrets, state.Live
	}
	if c.Rotation, err = a.rotationOf(ctx, tx, actor, s, stage); err != nil {
		return c, err
	}
	for p, whyNot := range map[slipway.Permission]*string{slipway.SecretList: &c.WhyNot, slipway.SecretWrite: &c.MayWrite,
		slipway.SecretReveal: &c.MayReveal, slipway.SecretDestroy: &c.MayDestroy} {
		if *whyNot, err = a.may(ctx, tx, actor, p, s.Resource(e.Name)); err != nil {
			return c, err
		}
	}
	if c.WhyNot != "" {
		c.Cells, c.Pinned = nil, nil
	}
	return c, nil
}

// fill makes cells of keys, and letters of values.
func (m *SecretMatrix) fill(values []map[string]slipway.Secret) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // of this answer alone: letters of two answers tell nothing together
	seen := map[string][]string{}
	for i := range m.Environments {
		c := &m.Environments[i]
		if c.WhyNot != "" {
			continue
		}
		c.Rotation.Keys = c.View.Rotated(c.live)
		for _, name := range c.View.Keys {
			cell := c.Cells[name]
			cell.Set = true
			if value, ok := values[i][name]; ok {
				mac := hmac.New(sha256.New, key)
				mac.Write([]byte(value.Reveal()))
				sum := string(mac.Sum(nil))
				at := slices.Index(seen[name], sum)
				if at < 0 {
					at, seen[name] = len(seen[name]), append(seen[name], sum)
				}
				cell.Alike = string(rune('A' + at%26))
			}
			c.Cells[name] = cell
		}
		for name := range c.Cells {
			if !slices.Contains(m.Keys, name) {
				m.Keys = append(m.Keys, name)
			}
		}
	}
	slices.Sort(m.Keys)
}

func (a *App) lastChanges(ctx context.Context, m *SecretMatrix) error {
	return a.Store.Read(ctx, func(tx slipway.Tx) error {
		for i := range m.Environments {
			c := &m.Environments[i]
			if c.WhyNot != "" {
				continue
			}
			changes, err := tx.Secrets().Changes(ctx, c.Path, 20)
			if err != nil {
				return err
			}
			for _, change := range changes {
				if change.Version == c.View.Version && c.View.Version > 0 {
					c.LastChange = &change
					break
				}
			}
		}
		return nil
	})
}

// secretPlace is where the secrets lie that somebody wants to do something to.
type secretPlace struct {
	service     slipway.Service
	environment string
	path        string
}

func (p secretPlace) resource() slipway.Resource { return p.service.Resource(p.environment) }

func (p secretPlace) words() string { return p.service.Name + " in " + p.environment }

func (a *App) secretPlace(ctx context.Context, actor slipway.Actor, service, environment string, p slipway.Permission) (place secretPlace, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		place, err = a.secretPlaceIn(ctx, tx, actor, service, environment, p)
		return err
	})
	return place, err
}

func (a *App) secretPlaceIn(ctx context.Context, tx slipway.Tx, actor slipway.Actor, service, environment string, p slipway.Permission) (secretPlace, error) {
	s, err := a.service(ctx, tx, actor, service, environment, p)
	if err != nil {
		return secretPlace{}, err
	}
	if a.Secret == nil {
		return secretPlace{}, noSecrets()
	}
	if _, err := tx.Environments().Get(ctx, environment); err != nil {
		return secretPlace{}, err
	}
	return secretPlace{s, environment, a.Secret.Path(s, environment)}, nil
}

// seeSecrets looks at the secrets that a plan pins, and makes the plan anew from
// what is there. That the store is not to be had keeps nobody from asking: the
// gate says so.
func (a *App) seeSecrets(ctx context.Context, draft *slipway.Draft, r slipway.Request) error {
	if a.Secret == nil || len(draft.Plan.To.Secrets) == 0 {
		return nil
	}
	if _, err := a.Secret.Look(ctx, draft.Service, r.Environment); err != nil {
		return err
	}
	return a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		*draft, err = slipway.MakeDraft(ctx, tx, a.Deployers, r)
		return err
	})
}

// keysInWords names keys, or how many there are.
func keysInWords(keys []string) string {
	if len(keys) > 5 {
		return strings.Join(keys[:5], ", ") + " and " + itoa(int64(len(keys)-5)) + " more"
	}
	return strings.Join(keys, ", ")
}
