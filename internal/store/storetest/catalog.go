package storetest

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testTeamsAndEnvironments(t *testing.T, f fixture) {
	team := slipway.Team{Name: "web", Title: "Web", OnCall: "pager", CreatedAt: noon()}
	lock := &slipway.Lock{Owner: "ana", OwnerName: "Ana", Reason: "audit", Since: noon()}
	production := slipway.Environment{Name: "production", Title: "Production", Rank: 9, Tier: slipway.TierProduction, Lock: lock}
	f.write(t, func(tx slipway.Tx) error {
		_ = tx.Teams().Put(f.ctx, slipway.Team{Name: "b-team", CreatedAt: noon()})
		_ = tx.Teams().Put(f.ctx, slipway.Team{Name: "web", Title: "old", CreatedAt: noon()})
		_ = tx.Environments().Put(f.ctx, slipway.Environment{Name: "zeta", Rank: 1})
		_ = tx.Environments().Put(f.ctx, production)
		return tx.Teams().Put(f.ctx, team)
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Teams().Get(f.ctx, "web")
		same(t, "team put twice", got, team)
		_, missing := tx.Teams().Get(f.ctx, "nobody")
		refused(t, "a team that does not exist", missing, slipway.CodeNotFound)
		all, listErr := tx.Teams().List(f.ctx)
		if listErr != nil || len(all) != 2 || all[0].Name != "b-team" {
			t.Errorf("teams by name: %v, %v", all, listErr)
		}
		e, envErr := tx.Environments().Get(f.ctx, "production")
		same(t, "environment", e, production)
		_, missing = tx.Environments().Get(f.ctx, "nowhere")
		refused(t, "an environment that does not exist", missing, slipway.CodeNotFound)
		ranked, _ := tx.Environments().List(f.ctx)
		if len(ranked) != 2 || ranked[0].Name != "zeta" {
			t.Errorf("environments by rank: %v", ranked)
		}
		if err == nil {
			err = envErr
		}
		return err
	})
	production.Lock = nil
	f.write(t, func(tx slipway.Tx) error { return tx.Environments().Put(f.ctx, production) })
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Environments().Get(f.ctx, "production")
		same(t, "unlocked", got, production)
		return err
	})
}

func testServices(t *testing.T, f fixture) {
	f.seed(t)
	want := slipway.Service{
		Name: "api", Title: "API", Team: "payments", Description: "what", Repository: "https://x.example",
		Links: []slipway.Link{{Title: "Runbook", URL: "https://y.example"}}, Tags: []string{"go"},
		CreatedAt: noon(), UpdatedAt: noon(),
	}
	f.write(t, func(tx slipway.Tx) error { return tx.Services().Insert(f.ctx, want) })
	want.Version = 1
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error { return tx.Services().Insert(f.ctx, want) })
	refused(t, "the same service again", err, slipway.CodeConflict)
	err = f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		return tx.Services().Insert(f.ctx, slipway.Service{Name: "orphan", Team: "nobody"})
	})
	refused(t, "a service of no team", err, slipway.CodeConflict)
	f.write(t, func(tx slipway.Tx) error {
		got, err := tx.Services().Get(f.ctx, "api")
		same(t, "service", got, want)
		_, missing := tx.Services().Get(f.ctx, "none")
		refused(t, "a service that does not exist", missing, slipway.CodeNotFound)
		if err != nil {
			return err
		}
		got.Title, got.UpdatedAt = "New", noon().Add(time.Hour)
		updated, err := tx.Services().Update(f.ctx, got)
		if updated.Version != 2 || updated.Title != "New" {
			t.Errorf("updated: %+v", updated)
		}
		_, stale := tx.Services().Update(f.ctx, got)
		refused(t, "an update of what has changed", stale, slipway.CodeConflict)
		_, gone := tx.Services().Update(f.ctx, slipway.Service{Name: "none", Version: 1})
		refused(t, "an update of nothing", gone, slipway.CodeNotFound)
		return err
	})
}

func testServicePages(t *testing.T, f fixture) {
	f.seed(t)
	f.write(t, func(tx slipway.Tx) error {
		for i := range 25 {
			team := "payments"
			if i%5 == 0 {
				team = "a-team"
				_ = tx.Teams().Put(f.ctx, slipway.Team{Name: team})
			}
			title := "Plain"
			if i == 7 {
				title = "100% Under_score"
			}
			if err := tx.Services().Insert(f.ctx, slipway.Service{Name: numbered("svc", i), Title: title, Team: team}); err != nil {
				return err
			}
		}
		return nil
	})
	list := func(filter slipway.ServiceFilter) (names []string) {
		f.read(t, func(tx slipway.Tx) error {
			for cursor := ""; ; {
				page, next, err := tx.Services().List(f.ctx, filter, slipway.Page{Cursor: cursor, Limit: 4})
				for _, s := range page {
					names = append(names, s.Team+"/"+s.Name)
				}
				if err != nil || next == "" {
					return err
				}
				cursor = next
			}
		})
		return names
	}
	all := list(slipway.ServiceFilter{})
	if len(all) != 25 || all[0] != "a-team/svc-0000" || all[4] != "a-team/svc-0020" || all[24] != "payments/svc-0024" {
		t.Errorf("all: %v", all)
	}
	if got := list(slipway.ServiceFilter{Team: "a-team"}); len(got) != 5 {
		t.Errorf("of a team: %v", got)
	}
	if got := list(slipway.ServiceFilter{Teams: []string{"payments", "a-team", "nobody"}}); len(got) != 25 {
		t.Errorf("of two teams: %v", got)
	}
	if got := list(slipway.ServiceFilter{Teams: []string{"a-team"}, Query: "svc"}); len(got) != 5 {
		t.Errorf("of teams in a list: %v", got)
	}
	for query, want := range map[string]int{"SVC-002": 5, "100%": 1, "_SCORE": 1, "%": 1, `\`: 0, "plain": 24} {
		if got := list(slipway.ServiceFilter{Query: query}); len(got) != want {
			t.Errorf("query %q: %d found, want %d", query, len(got), want)
		}
	}
}

func testPipelines(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	pipeline := func(service string, revision int) slipway.Pipeline {
		return slipway.Pipeline{
			Service: service, Team: "payments", Revision: revision, Source: "stages: …", AppliedBy: "ana", AppliedAt: noon(),
			Stages: []slipway.Stage{{Environment: "staging", Deployer: slipway.DeployerRef{Name: "fake", Config: []byte(`{"a":1}`)},
				Strategy: slipway.Strategy{Type: slipway.StrategyRolling}, Deadline: slipway.DefaultDeadline}},
		}
	}
	f.write(t, func(tx slipway.Tx) error {
		for _, p := range []slipway.Pipeline{pipeline("api", 1), pipeline("api", 2), pipeline("web", 1)} {
			if err := tx.Pipelines().Add(f.ctx, p); err != nil {
				return err
			}
		}
		refused(t, "a revision that is taken", tx.Pipelines().Add(f.ctx, pipeline("api", 2)), slipway.CodeConflict)
		return nil
	})
	f.read(t, func(tx slipway.Tx) error {
		latest, err := tx.Pipelines().Latest(f.ctx, "api")
		same(t, "latest", latest, pipeline("api", 2))
		first, _ := tx.Pipelines().Revision(f.ctx, "api", 1)
		same(t, "revision 1", first, pipeline("api", 1))
		_, missing := tx.Pipelines().Revision(f.ctx, "api", 9)
		refused(t, "a revision that does not exist", missing, slipway.CodeNotFound)
		_, missing = tx.Pipelines().Latest(f.ctx, "none")
		refused(t, "no pipeline", missing, slipway.CodeNotFound)
		of, _ := tx.Pipelines().LatestOf(f.ctx, []string{"api", "web", "none"})
		same(t, "latest of", of, map[string]slipway.Pipeline{"api": pipeline("api", 2), "web": pipeline("web", 1)})
		none, _ := tx.Pipelines().LatestOf(f.ctx, nil)
		same(t, "latest of none", none, map[string]slipway.Pipeline{})
		list, _ := tx.Pipelines().List(f.ctx, "api")
		if len(list) != 2 || list[0].Revision != 2 || list[0].Stages != nil || list[0].AppliedBy != "ana" {
			t.Errorf("list: %+v", list)
		}
		return err
	})
}
