package bench

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

func sqliteURL(b testing.TB) string { return "sqlite:" + filepath.Join(b.TempDir(), "slipway.db") }

func postgresURL(b testing.TB) string { return pgtest.Durable(b) }

// deployer is the name that the measured portal has its fake deployer under.
const deployer = "fake"

// size of a world. Every service has a pipeline over all environments and is
// live in each.
type size struct {
	services int
	history  int // further deployments of each of the first 50 services
	waiting  int // services with a release that waits for approval in production
	without  int // environments that are left out, from the first on
	only     int // environments that are kept of the others; 0: all
	perTeam  int // services of a team; a hundred if 0

	parked int // further services, live nowhere, whose release waits for approval in production

	steps int           // of a canary, rather than a rolling replacement; 0: that
	bake  time.Duration // after each of the steps
}

func (s size) environments() []slipway.Environment {
	kept := environments()[s.without:]
	if s.only > 0 {
		kept = kept[:s.only]
	}
	return kept
}

func (s size) ofTeam() int { return cmp.Or(s.perTeam, 100) }

func (s size) team(n int) string { return fmt.Sprintf("team-%03d", n/s.ofTeam()) }

func (s size) String() string {
	return fmt.Sprintf("%d services × %d environments, %d deployments, %d of them waiting", s.services+s.parked, len(s.environments()),
		s.services*len(s.environments())+min(s.services, shown)*s.history+s.waiting+s.parked, s.waiting+s.parked)
}

const (
	shown        = 50  // services on a page
	seedTogether = 100 // services
)

func environments() []slipway.Environment {
	return []slipway.Environment{
		{Name: "dev", Title: "Development", Rank: 1, Tier: slipway.TierDevelopment},
		{Name: "staging", Title: "Staging", Rank: 2, Tier: slipway.TierStaging},
		{Name: "preprod", Title: "Before production", Rank: 3, Tier: slipway.TierStaging},
		{Name: "production", Title: "Production", Rank: 4, Tier: slipway.TierProduction},
	}
}

func serviceName(n int) string { return fmt.Sprintf("service-%05d", n) }

// versions are live from production to dev, and the newest waits.
func versions() []string {
	return []string{"1.38.0", "1.39.0", "1.40.0", "1.41.0", "1.42.0"}
}

func liveIn(environment string) (version string, seq int64) {
	for i, e := range environments() {
		if e.Name == environment {
			return versions()[3-i], int64(4 - i)
		}
	}
	return "", 0
}

// content differs from service to service: were it the same, what remembers
// things by their content would look better than it is.
func content(n int, version string) slipway.ReleaseContent {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(serviceName(n)+version)))
	return slipway.ReleaseContent{
		Artifacts: []slipway.Artifact{{Name: "app", Reference: "registry.example.com/" + serviceName(n) + ":" + version, Digest: digest}},
		Commit:    "3f9c2d71be4a6085", Reversible: true,
		Config:  map[string]string{"LOG_LEVEL": "info", "FEATURE_CHECKOUT": "on", "POOL_SIZE": "20"},
		Changes: []slipway.Change{{Commit: "3f9c2d71be4a6085", Subject: "Take the currency from the basket", Author: "Jonas Lind"}},
	}
}

func (s size) pipeline(n int) slipway.Pipeline {
	p := slipway.Pipeline{Service: serviceName(n), Team: s.team(n), Revision: 1, AppliedBy: "seed", AppliedAt: long}
	for i, e := range s.environments() {
		stage := slipway.Stage{Environment: e.Name, Deployer: slipway.DeployerRef{Name: deployer, Config: []byte(`{"replicas":3}`)}, Strategy: s.strategy()}
		if i > 0 {
			stage.After = []string{p.Stages[i-1].Environment}
		}
		if e.Tier == slipway.TierProduction {
			stage.Gates = []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Groups: []string{"approvers"}}}}
		}
		p.Stages = append(p.Stages, stage)
	}
	p.Normalize()
	return p
}

func (s size) strategy() slipway.Strategy {
	if s.steps == 0 {
		return slipway.Strategy{Type: slipway.StrategyRolling}
	}
	canary := slipway.Strategy{Type: slipway.StrategyCanary}
	for i := range s.steps {
		canary.Steps = append(canary.Steps, slipway.CanaryStep{Weight: 100 * (i + 1) / s.steps, Bake: slipway.Duration(s.bake)})
	}
	return canary
}

// long is when everything happened: far enough back that ages on pages do not
// change while one measures.
var long = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -40)

func plan(n int, environment, version string, seq int64, live *slipway.Spec) slipway.Plan {
	p := size{}.pipeline(n)
	stage, _ := p.Stage(environment)
	return slipway.NewPlan(slipway.PlanInput{Cause: slipway.CausePromote, Pipeline: p, Stage: stage, Replicas: 3, Live: live,
		Release: slipway.Release{Service: p.Service, Version: version, Seq: seq, Content: content(n, version)}})
}

// seeded is what the deployer reports of a service that was seeded as live.
// Whole seconds always take the same number of bytes, which lets answers that
// hold the time be compared.
func seeded(n int, environment string, at time.Time) slipway.Observed {
	version, seq := liveIn(environment)
	id := plan(n, environment, version, seq, nil).To.ID()
	return slipway.Observed{At: at.UTC().Truncate(time.Second), Generation: 1, Converged: true, Message: "3 of 3 ready",
		Tracks: []slipway.ObservedTrack{{Spec: id, Version: version, Wanted: 3, Ready: 3, Weight: 100}}}
}

func ended(n int, environment, version string, seq int64) slipway.Deployment {
	p := plan(n, environment, version, seq, nil)
	end := long.Add(time.Minute)
	return slipway.Deployment{Service: serviceName(n), Environment: environment, Version: version, Cause: slipway.CausePromote,
		State: slipway.Succeeded, Plan: p, PlanDigest: p.Digest(), RequestedBy: slipway.Person{Kind: slipway.ActorUser, ID: "u-seed", Name: "Seed"},
		Runs:     []slipway.PhaseRun{{Desired: p.Phases[0], Generation: 1, State: slipway.Done, StartedAt: long, UnreadySince: long, ReadyAt: &end, EndedAt: &end}},
		Verdicts: []slipway.Verdict{{Gate: "block", Result: slipway.Pass, Reason: "The release is not blocked."}},
		Message:  version + " is live in " + environment + ".", CreatedAt: long, StartedAt: &long, EndedAt: &end}
}

// waits is a deployment that nobody decides on: the engine looks at it long
// after the benchmark.
func waits(n int, live *slipway.Spec) slipway.Deployment {
	p := plan(n, "production", versions()[4], 5, live)
	later := time.Now().UTC().Add(6 * time.Hour)
	return slipway.Deployment{Service: serviceName(n), Environment: "production", Version: versions()[4], Cause: slipway.CausePromote,
		State: slipway.Waiting, Plan: p, PlanDigest: p.Digest(), RequestedBy: slipway.Person{Kind: slipway.ActorUser, ID: "u-seed", Name: "Seed"},
		Runs: []slipway.PhaseRun{}, Message: "Waits for approval.", CreatedAt: long, NextWakeAt: &later,
		Verdicts: []slipway.Verdict{{Gate: "approval", Result: slipway.Wait, Reason: "0 of 1 approvals. 1 more from approvers.", Who: "approvers", Need: 1, Since: &long}}}
}

// seed fills a fresh database through the ports, a hundred services to a
// transaction.
func seed(b testing.TB, url string, size size) {
	b.Helper()
	began := time.Now()
	ctx := b.Context()
	s, err := store.Open(ctx, store.Config{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Migrate(ctx); err != nil {
		b.Fatal(err)
	}
	if err := s.Write(ctx, func(tx slipway.Tx) error { return furnish(ctx, tx, size) }); err != nil {
		b.Fatal(err)
	}
	all := size.services + size.parked
	for from := 0; from < all; from += seedTogether {
		err := s.Write(ctx, func(tx slipway.Tx) error {
			for n := from; n < min(from+seedTogether, all); n++ {
				if err := settle(ctx, tx, n, size); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	say(b, "seeded %s in %.1f s", size, time.Since(began).Seconds())
}

// furnish gives everybody their roles: team by team, as it grows in real life.
// The people measured may read nine teams of ten.
func furnish(ctx context.Context, tx slipway.Tx, size size) error {
	for _, e := range size.environments() {
		if err := tx.Environments().Put(ctx, e); err != nil {
			return err
		}
	}
	bind := func(group string, role slipway.Role, scope slipway.Scope) error {
		_, err := tx.Bindings().Add(ctx, slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: group}, Role: role, Scope: scope, Source: "seed"})
		return err
	}
	for n := 0; n < size.services+size.parked; n += size.ofTeam() {
		name := size.team(n)
		if err := tx.Teams().Put(ctx, slipway.Team{Name: name, Title: "Team " + name, CreatedAt: long}); err != nil {
			return err
		}
		group, role := "developers", slipway.RoleMaintainer
		if n/size.ofTeam()%10 == 9 {
			group = "others"
		}
		if err := bind(group, role, slipway.Scope{Kind: slipway.ScopeTeam, Name: name}); err != nil {
			return err
		}
	}
	if err := bind("overseers", slipway.RoleViewer, slipway.Scope{Kind: slipway.ScopeOrganisation}); err != nil {
		return err
	}
	return bind("approvers", slipway.RoleApprover, slipway.Scope{Kind: slipway.ScopeEnvironment, Name: "production"})
}

// settle registers a service that has been at it for a while.
func settle(ctx context.Context, tx slipway.Tx, n int, size size) error {
	name, team := serviceName(n), size.team(n)
	insert := func(d slipway.Deployment) (slipway.Deployment, error) {
		d.Team = team
		return tx.Deployments().Insert(ctx, d)
	}
	err := tx.Services().Insert(ctx, slipway.Service{Name: name, Title: "Service " + name, Team: team, Description: "Takes what comes and answers.",
		Repository: "https://git.example.com/" + name, Tags: []string{"go", "http"}, CreatedAt: long, UpdatedAt: long})
	if err != nil {
		return err
	}
	if err := tx.Pipelines().Add(ctx, size.pipeline(n)); err != nil {
		return err
	}
	for _, v := range versions() {
		if _, err := tx.Releases().Add(ctx, slipway.Release{Service: name, Version: v, Content: content(n, v), CreatedBy: "ci", CreatedAt: long}); err != nil {
			return err
		}
	}
	if n >= size.services {
		d := waits(n, nil)
		// Its turn comes every half hour, as it does for all that wait.
		made := now().UTC()
		d.CreatedAt, d.Verdicts[0].Since = made, &made // else it would expire
		at := made.Add(30 * time.Minute * time.Duration(n-size.services) / time.Duration(size.parked))
		d.NextWakeAt = &at
		_, err = insert(d)
		return err
	}
	var live slipway.Spec
	for _, e := range size.environments() {
		version, seq := liveIn(e.Name)
		d, err := insert(ended(n, e.Name, version, seq))
		if err != nil {
			return err
		}
		live = d.Plan.To
		report := seeded(n, e.Name, time.Now())
		if err := tx.Stages().Put(ctx, slipway.StageState{Team: team, Service: name, Environment: e.Name, Observed: &report,
			Live: &slipway.Live{Deployment: d.ID, Spec: live, Since: long}}); err != nil {
			return err
		}
	}
	for i := 0; n < shown && i < size.history; i++ {
		if _, err := insert(ended(n, "dev", versions()[3], 4)); err != nil {
			return err
		}
	}
	if size.waiting > 0 && n%(max(1, size.services/size.waiting)) == 0 {
		_, err = insert(waits(n, &live))
	}
	return err
}
