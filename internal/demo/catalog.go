package demo

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The groups of the demo's people.
const (
	AdminGroup      = "platform-admins"
	MaintainerGroup = "payments-maintainers"
	DeveloperGroup  = "developers"
	LeadsGroup      = "payments-leads"
	SREGroup        = "sre"
)

// furnish makes teams, environments, people and roles, then the services.
func (s *stage) furnish(ctx context.Context) error {
	err := s.Store.Write(ctx, func(tx slipway.Tx) error {
		for _, u := range []slipway.User{s.People.Admin, s.People.Maintainer, s.People.Developer, s.People.Approver} {
			if err := tx.People().PutUser(ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	admin := s.actor(s.People.Admin)
	for _, t := range teams() {
		if _, err := s.app.PutTeam(ctx, admin, app.PutTeam{Team: t}); err != nil {
			return err
		}
	}
	for _, e := range environments() {
		if _, err := s.app.PutEnvironment(ctx, admin, app.PutEnvironment{Environment: e}); err != nil {
			return err
		}
	}
	for _, b := range bindings() {
		if _, err := s.app.AddBinding(ctx, admin, app.AddBinding{Binding: b}); err != nil {
			return err
		}
	}
	for _, svc := range s.services() {
		if _, err := s.app.RegisterService(ctx, admin, app.RegisterService{Service: svc.Service}); err != nil {
			return err
		}
		if _, err := s.app.ApplyPipeline(ctx, admin, app.ApplyPipeline{Pipeline: svc.pipeline}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) actor(u slipway.User) slipway.Actor {
	a := app.UserActor(u)
	a.Via, a.RequestID = slipway.ViaBrowser, "demo"
	return a
}

func teams() []slipway.Team {
	return []slipway.Team{
		{Name: "payments", Title: "Payments", OnCall: "Ana Nordin"},
		{Name: "storefront", Title: "Storefront", OnCall: "Ben Okafor"},
		{Name: "platform", Title: "Platform", OnCall: "Mira Holm"},
	}
}

func environments() []slipway.Environment {
	return []slipway.Environment{
		{Name: "dev", Title: "Development", Rank: 10, Tier: slipway.TierDevelopment},
		{Name: "staging", Title: "Staging", Rank: 20, Tier: slipway.TierStaging},
		{Name: "production", Title: "Production", Rank: 30, Tier: slipway.TierProduction},
		{Name: "edge", Title: "Edge", Rank: 40, Tier: slipway.TierProduction},
	}
}

func bindings() []slipway.Binding {
	group := func(name string, role slipway.Role, kind slipway.ScopeKind, scope string) slipway.Binding {
		return slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: name}, Role: role, Scope: slipway.Scope{Kind: kind, Name: scope}}
	}
	return []slipway.Binding{
		{Subject: slipway.Subject{Kind: slipway.SubjectEveryone}, Role: slipway.RoleViewer, Scope: slipway.Scope{Kind: slipway.ScopeOrganisation}},
		group(DeveloperGroup, slipway.RoleDeveloper, slipway.ScopeTeam, "payments"),
		group(DeveloperGroup, slipway.RoleDeveloper, slipway.ScopeTeam, "storefront"),
		group(MaintainerGroup, slipway.RoleMaintainer, slipway.ScopeTeam, "payments"),
		group(LeadsGroup, slipway.RoleApprover, slipway.ScopeTeam, "payments"),
		group(SREGroup, slipway.RoleApprover, slipway.ScopeEnvironment, "production"),
	}
}

// demoService is a service with its pipeline.
type demoService struct {
	slipway.Service
	pipeline slipway.Pipeline
}

func (s *stage) services() []demoService {
	twoLeads := slipway.Gate{Approval: &slipway.ApprovalGate{Count: 2, Groups: []string{LeadsGroup, SREGroup}, Expires: slipway.Duration(days(2))}}
	oneSRE := slipway.Gate{Approval: &slipway.ApprovalGate{Count: 1, Groups: []string{SREGroup}}}
	soak := slipway.Gate{Soak: &slipway.SoakGate{In: "staging", For: slipway.Duration(hours(1))}}
	canary := slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{
		{Weight: 10, Bake: slipway.Duration(seconds(20))}, {Weight: 50, Bake: slipway.Duration(seconds(20))}, {Weight: 100}}}
	blueGreen := slipway.Strategy{Type: slipway.StrategyBlueGreen, KeepWarm: slipway.Duration(seconds(30))}
	rolling := slipway.Strategy{Type: slipway.StrategyRolling}
	recreate := slipway.Strategy{Type: slipway.StrategyRecreate}

	return []demoService{
		s.service("billing-api", "payments", "Invoices, rounding and tax", s.pipeline("process", 2, canary, twoLeads, soak)),
		s.service("ledger", "payments", "The books, double entry", s.pipeline(Simulated, 4, blueGreen, twoLeads)),
		s.service("payout-worker", "payments", "Pays out at night", s.pipeline(Simulated, 3, rolling, oneSRE)),
		s.service("web", "storefront", "The shop itself", s.pipeline("process", 2, rolling, oneSRE)),
		s.service("search", "storefront", "Finds things to buy", s.pipeline(Simulated, 3, canary)),
		s.service("checkout", "storefront", "Basket to order", s.pipeline("process", 2, blueGreen, oneSRE, soak)),
		s.service("gateway", "platform", "Front door for all traffic", s.withEdge(s.pipeline(Simulated, 3, rolling))),
		s.service("assets", "platform", "Images, fonts and other files", s.pipeline(Simulated, 1, recreate, oneSRE)),
	}
}

func (s *stage) service(name, team, description string, stages []slipway.Stage) demoService {
	return demoService{
		Service: slipway.Service{Name: name, Title: name, Team: team, Description: description,
			Repository: "https://git.example.com/" + team + "/" + name,
			Links:      []slipway.Link{{Title: "Runbook", URL: "https://wiki.example.com/" + name}}},
		pipeline: slipway.Pipeline{Service: name, Team: team, Stages: stages},
	}
}

// Simulated is the name of the demo's deployer that runs nothing. It is called
// by its name on every page.
const Simulated = "simulated"

// pipeline goes dev by itself, then staging, then production with its gates.
func (s *stage) pipeline(deployer string, replicas int, strategy slipway.Strategy, gates ...slipway.Gate) []slipway.Stage {
	return []slipway.Stage{
		{Environment: "dev", Deployer: s.deployer(deployer, 1), Strategy: slipway.Strategy{Type: slipway.StrategyRecreate}, AutoPromote: true},
		{Environment: "staging", After: []string{"dev"}, Deployer: s.deployer(deployer, 1), Strategy: slipway.Strategy{Type: slipway.StrategyRolling}},
		{Environment: "production", After: []string{"staging"}, Deployer: s.deployer(deployer, replicas), Strategy: strategy, Gates: gates},
	}
}

func (s *stage) withEdge(stages []slipway.Stage) []slipway.Stage {
	return append(stages, slipway.Stage{Environment: "edge", After: []string{"production"}, Deployer: s.deployer(Simulated, 5),
		Strategy: slipway.Strategy{Type: slipway.StrategyRolling, Batch: 2}})
}

func (s *stage) deployer(name string, replicas int) slipway.DeployerRef {
	if s.Real[name] == nil {
		name = Simulated
	}
	config := fmt.Sprintf(`{"replicas":%d}`, replicas)
	if name == "process" {
		config = fmt.Sprintf(`{"replicas":%d,"command":[%q,"demo-app","--bundle","${artifact}"],"readiness":{"path":"/healthz"},"drain":"5s","stopTimeout":"5s"}`, replicas, s.Program)
	}
	return slipway.DeployerRef{Name: name, Config: []byte(config)}
}
