package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// asked is what a page asks for that seldom changes.
type asked struct {
	Teams        []slipway.Team
	Environments []slipway.Environment
	Services     []slipway.Service
	Pipelines    map[string]slipway.Pipeline
	Freezes      []slipway.Freeze
	Calendars    []slipway.Calendar
	Bindings     []slipway.Binding
	Line         *slipway.StoppedLine
	Proposals    []slipway.SecretProposal

	Team        slipway.Team
	Environment slipway.Environment
	Service     slipway.Service
	Pipeline    slipway.Pipeline
}

func ask(ctx context.Context, tx slipway.Tx) (a asked, err error) {
	var errs [13]error
	a.Teams, errs[0] = tx.Teams().List(ctx)
	a.Environments, errs[1] = tx.Environments().List(ctx)
	a.Services, _, errs[2] = tx.Services().List(ctx, slipway.ServiceFilter{}, slipway.Page{})
	a.Pipelines, errs[3] = tx.Pipelines().LatestOf(ctx, []string{"api"})
	a.Freezes, errs[4] = tx.Freezes().List(ctx, noon())
	a.Calendars, errs[5] = tx.Calendars().List(ctx)
	a.Bindings, errs[6] = tx.Bindings().For(ctx, slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Groups: []string{"leads"}})
	a.Line, errs[7] = tx.Line().Get(ctx)
	a.Proposals, errs[8] = tx.Proposals().Open(ctx)
	a.Team, errs[9] = tx.Teams().Get(ctx, "payments")
	a.Environment, errs[10] = tx.Environments().Get(ctx, "staging")
	a.Service, errs[11] = tx.Services().Get(ctx, "api")
	if a.Pipeline, errs[12] = tx.Pipelines().Latest(ctx, "api"); slipway.IsNotFound(errs[12]) {
		errs[12] = nil
	}
	return a, errors.Join(errs[:]...)
}

// seldom are the changes, each of what one question is about.
var seldom = map[string]func(context.Context, slipway.Tx) error{
	"a team": func(ctx context.Context, tx slipway.Tx) error {
		return tx.Teams().Put(ctx, slipway.Team{Name: "shipping"})
	},
	"an environment": func(ctx context.Context, tx slipway.Tx) error {
		return tx.Environments().Put(ctx, slipway.Environment{Name: "staging", Tier: slipway.TierStaging, Lock: &slipway.Lock{Owner: "ana", Reason: "load test"}})
	},
	"a service": func(ctx context.Context, tx slipway.Tx) error {
		s, err := tx.Services().Get(ctx, "api")
		if err == nil {
			s.Title = "The API"
			_, err = tx.Services().Update(ctx, s)
		}
		return err
	},
	"a pipeline": func(ctx context.Context, tx slipway.Tx) error {
		return tx.Pipelines().Add(ctx, slipway.Pipeline{Service: "api", Team: "payments", Revision: 1, AppliedAt: noon()})
	},
	"a freeze": func(ctx context.Context, tx slipway.Tx) error {
		_, err := tx.Freezes().Add(ctx, slipway.Freeze{Environment: "staging", Reason: "sale", From: noon(), Until: noon().Add(time.Hour)})
		return err
	},
	"a calendar": func(ctx context.Context, tx slipway.Tx) error {
		_, err := tx.Calendars().Add(ctx, slipway.Calendar{Name: "nights", Kind: slipway.CalendarDeny, CreatedAt: noon()})
		return err
	},
	"a role": func(ctx context.Context, tx slipway.Tx) error {
		_, err := tx.Bindings().Add(ctx, slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: "leads"},
			Role: slipway.RoleApprover, Scope: slipway.Scope{Kind: slipway.ScopeOrganisation}})
		return err
	},
	"the line": func(ctx context.Context, tx slipway.Tx) error {
		return tx.Line().Stop(ctx, slipway.StoppedLine{Owner: "ana", Reason: "outage", Since: noon()})
	},
	"a change of secrets": func(ctx context.Context, tx slipway.Tx) error {
		_, err := tx.Proposals().Insert(ctx, slipway.SecretProposal{Service: "api", Environment: "staging", CreatedAt: noon()})
		return err
	},
}

// testRemembered: what is remembered is that of the transaction, whatever was asked
// before: after a change, while one is under way, and after one that was undone.
func testRemembered(t *testing.T, f fixture) {
	f.seed(t, "api")
	now := func() (a asked) {
		t.Helper()
		f.read(t, func(tx slipway.Tx) (err error) { a, err = ask(f.ctx, tx); return err })
		return a
	}
	for what, change := range seldom {
		before := now()
		undone := f.Store.Write(f.ctx, func(tx slipway.Tx) error { return errors.Join(change(f.ctx, tx), errUndo) })
		if after := now(); !errors.Is(undone, errUndo) || !reflect.DeepEqual(after, before) {
			t.Errorf("%s, undone (%v):\n got %+v\nwant %+v", what, undone, after, before)
		}
		var inside asked
		f.write(t, func(tx slipway.Tx) (err error) {
			if err = change(f.ctx, tx); err == nil {
				inside, err = ask(f.ctx, tx)
			}
			same(t, what+", not yet committed", now(), before)
			return err
		})
		after := now()
		if reflect.DeepEqual(after, before) {
			t.Errorf("%s was changed, and is remembered as it was: %+v", what, after)
		}
		same(t, what+", within and after", after, inside)
	}
	// By hand, and by a release that knows nothing of this.
	for _, statement := range []string{`DELETE FROM bindings`, `DELETE FROM stop_the_line`, `UPDATE environments SET lock = NULL`, `DELETE FROM freezes`, `DELETE FROM freeze_calendars`,
		`UPDATE secret_proposals SET ended_at = created_at`, `UPDATE teams SET title = 'By hand'`, `UPDATE services SET title = 'By hand'`, `DELETE FROM pipelines`} {
		before := now()
		if _, err := f.SQL.ExecContext(f.ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if after := now(); reflect.DeepEqual(after, before) {
			t.Errorf("%s, and it is remembered as it was: %+v", statement, after)
		}
	}
}

// testRememberedQuestions: like questions have their own answers, which are one's
// own, and time goes on though nothing changes.
func testRememberedQuestions(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	bindings := func(groups ...string) (n int) {
		f.read(t, func(tx slipway.Tx) error {
			list, err := tx.Bindings().For(f.ctx, slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Groups: groups})
			n = len(list)
			return err
		})
		return n
	}
	for _, group := range []string{"a", "b", `a","b`} {
		f.write(t, func(tx slipway.Tx) error {
			_, err := tx.Bindings().Add(f.ctx, slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: group},
				Role: slipway.RoleViewer, Scope: slipway.Scope{Kind: slipway.ScopeOrganisation}})
			return err
		})
	}
	for range 2 { // the second time they are known
		got := []int{bindings("a", "b"), bindings(`a","b`), bindings("b", "a"), bindings("a b"), bindings("a"), bindings()}
		same(t, "roles of groups with like names", got, []int{2, 1, 2, 0, 1, 0})
	}
	spoil := func() (teams []slipway.Team) {
		f.read(t, func(tx slipway.Tx) (err error) { teams, err = tx.Teams().List(f.ctx); return err })
		return teams
	}
	spoil()[0].Title = "spoiled"
	if teams := spoil(); teams[0].Title != "" {
		t.Errorf("what one reader changed, another reads: %+v", teams)
	}
	f.write(t, func(tx slipway.Tx) error {
		_, err := tx.Freezes().Add(f.ctx, slipway.Freeze{Environment: "staging", Reason: "sale", From: noon(), Until: noon().Add(time.Minute)})
		return err
	})
	for _, after := range []time.Duration{0, time.Minute - 1, time.Minute, 2 * time.Minute, 0} {
		f.read(t, func(tx slipway.Tx) error {
			list, err := tx.Freezes().List(f.ctx, noon().Add(after))
			if over := after >= time.Minute; (len(list) == 0) != over {
				t.Errorf("%s after it began a freeze of a minute is listed as %v", after, list)
			}
			return err
		})
	}
}
