package app_test

import (
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

var (
	webTeam = slipway.Resource{Team: "web"}
	inProd  = slipway.Resource{Team: "web", Service: "shop", Environment: "prod"}
	prod    = slipway.Resource{Environment: "prod"}
	all     = slipway.Resource{}
	page    = slipway.Page{}
)

func at(r slipway.Resource, service, environment string) slipway.Resource {
	r.Service, r.Environment = service, environment
	return r
}

// useCases is the list. What the calls need is made by busy.
func useCases() map[string]useCase {
	list := readCases()
	for name, c := range deploymentCases() {
		list[name] = c
	}
	for name, c := range organisationCases() {
		list[name] = c
	}
	for name, c := range setCases() {
		list[name] = c
	}
	for name, c := range secretCases() {
		list[name] = c
	}
	for name, c := range chatCases() {
		list[name] = c
	}
	for name, c := range notificationCases() {
		list[name] = c
	}
	for name, c := range doorCases() {
		list[name] = c
	}
	return list
}

func deploymentCases() map[string]useCase {
	control := func(p slipway.Permission, by slipway.Actor, action, service, environment string, call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: p, stranger: hidden, foreign: hidden, viewer: denied, by: by, action: action, on: at(webTeam, service, environment), call: call}
	}
	return map[string]useCase{
		"Promote": control(slipway.DeploymentPromote, dev, "deployment.promote", "shop", "staging", func(r *rig, a slipway.Actor) error {
			return of(r.Promote(r.ctx, a, app.Promote{Service: "shop", Environment: "staging", Version: "1"}))
		}),
		"Rollback": control(slipway.DeploymentRollback, lead, "deployment.rollback", "shop", "staging", func(r *rig, a slipway.Actor) error {
			return of(r.Rollback(r.ctx, a, app.Rollback{Service: "shop", Environment: "staging", Reason: "bad"}))
		}),
		"Approve": control(slipway.DeploymentApprove, lead, "deployment.approve", "shop", "prod", func(r *rig, a slipway.Actor) error {
			d := r.active("shop", "prod")
			return of(r.Approve(r.ctx, a, app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest}))
		}),
		"Bypass": control(slipway.GateBypass, root, "gate.bypassed", "shop", "prod", func(r *rig, a slipway.Actor) error {
			return of(r.Bypass(r.ctx, a, app.Bypass{Deployment: r.active("shop", "prod").ID, Gate: "approval", Reason: "it burns"}))
		}),
		"Reject": control(slipway.DeploymentApprove, lead, "deployment.rejected", "shop", "prod", func(r *rig, a slipway.Actor) error {
			return of(r.Reject(r.ctx, a, app.Reject{Deployment: r.active("shop", "prod").ID, Reason: "no"}))
		}),
		"Cancel": control(slipway.DeploymentControl, dev, "deployment.cancelled", "shop", "prod", func(r *rig, a slipway.Actor) error {
			return of(r.Cancel(r.ctx, a, app.Control{Deployment: r.active("shop", "prod").ID}))
		}),
		"Pause": control(slipway.DeploymentControl, dev, "deployment.paused", "till", "staging", func(r *rig, a slipway.Actor) error {
			return of(r.Pause(r.ctx, a, app.Control{Deployment: r.active("till", "staging").ID}))
		}),
		"Resume": control(slipway.DeploymentControl, dev, "deployment.resumed", "cart", "staging", func(r *rig, a slipway.Actor) error {
			return of(r.Resume(r.ctx, a, app.Control{Deployment: r.active("cart", "staging").ID}))
		}),
		"Retry": control(slipway.DeploymentControl, dev, "deployment.promote", "kiosk", "staging", func(r *rig, a slipway.Actor) error {
			return of(r.Retry(r.ctx, a, app.Control{Deployment: r.newest("kiosk").ID}))
		}),
		"LiftHold": control(slipway.HoldLift, boss, "hold.lifted", "kiosk", "staging", func(r *rig, a slipway.Actor) error {
			return of(r.LiftHold(r.ctx, a, app.LiftHold{Service: "kiosk", Environment: "staging"}))
		}),
		"CreateRelease": control(slipway.ReleaseCreate, dev, "release.created", "shop", "", func(r *rig, a slipway.Actor) error {
			_, _, err := r.CreateRelease(r.ctx, a, app.CreateRelease{Service: "shop", Version: "9", Content: content("9")})
			return err
		}),
		"BlockRelease": control(slipway.ReleaseBlock, dev, "release.blocked", "shop", "", func(r *rig, a slipway.Actor) error {
			return of(r.BlockRelease(r.ctx, a, app.BlockRelease{Service: "shop", Version: "2", Reason: "leaks"}))
		}),
		"ApplyPipeline": control(slipway.PipelineApply, boss, "pipeline.applied", "shop", "", func(r *rig, a slipway.Actor) error {
			return of(r.ApplyPipeline(r.ctx, a, app.ApplyPipeline{Pipeline: pipeline("shop", open)}))
		}),
	}
}

func organisationCases() map[string]useCase {
	only := func(p slipway.Permission, action string, on slipway.Resource, call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: p, stranger: denied, foreign: denied, viewer: denied, action: action, on: on, call: call}
	}
	register := func(call func(*rig, slipway.Actor) error) useCase {
		c := only(slipway.ServiceRegister, "service.registered", at(webTeam, "fresh", ""), call)
		c.by = boss
		return c
	}
	fresh := slipway.Service{Name: "fresh", Team: "web"}
	return map[string]useCase{
		"RegisterService": register(func(r *rig, a slipway.Actor) error {
			return of(r.RegisterService(r.ctx, a, app.RegisterService{Service: fresh}))
		}),
		"RegisterServices": register(func(r *rig, a slipway.Actor) error {
			return of(r.RegisterServices(r.ctx, a, app.Once{}, []app.RegisterService{{Service: fresh}}))
		}),
		"RegisterFile": register(func(r *rig, a slipway.Actor) error {
			return of(r.RegisterFile(r.ctx, a, app.RegisterFile{Service: fresh, Describes: true}))
		}),
		"PutTeam": only(slipway.TeamManage, "team.saved", slipway.Resource{Team: "new"}, func(r *rig, a slipway.Actor) error {
			return of(r.PutTeam(r.ctx, a, app.PutTeam{Team: slipway.Team{Name: "new"}}))
		}),
		"PutEnvironment": only(slipway.EnvironmentManage, "environment.saved", slipway.Resource{Environment: "edge"}, func(r *rig, a slipway.Actor) error {
			return of(r.PutEnvironment(r.ctx, a, app.PutEnvironment{Environment: slipway.Environment{Name: "edge", Tier: slipway.TierProduction}}))
		}),
		"LockEnvironment": only(slipway.EnvironmentLock, "environment.locked", prod, func(r *rig, a slipway.Actor) error {
			return of(r.LockEnvironment(r.ctx, a, app.LockEnvironment{Environment: "prod", Reason: "audit"}))
		}),
		"UnlockEnvironment": only(slipway.EnvironmentLock, "environment.unlocked", slipway.Resource{Environment: "attic"}, func(r *rig, a slipway.Actor) error {
			return of(r.UnlockEnvironment(r.ctx, a, app.UnlockEnvironment{Environment: "attic"}))
		}),
		"AddFreeze": only(slipway.FreezeManage, "freeze.added", prod, func(r *rig, a slipway.Actor) error {
			return of(r.AddFreeze(r.ctx, a, app.AddFreeze{Environment: "prod", Reason: "sale", Until: r.clock().Add(time.Hour)}))
		}),
		"RemoveFreeze": only(slipway.FreezeManage, "freeze.removed", slipway.Resource{Environment: "attic"}, func(r *rig, a slipway.Actor) error {
			return r.RemoveFreeze(r.ctx, a, app.RemoveFreeze{Freeze: 1})
		}),
		"StopTheLine": only(slipway.LineStop, "line.stopped", all, func(r *rig, a slipway.Actor) error {
			return of(r.StopTheLine(r.ctx, a, app.StopTheLine{Reason: "fire"}))
		}),
		"LetTheLineGo": only(slipway.LineStop, "line.going", all, func(r *rig, a slipway.Actor) error {
			if a.ID == root.ID && a.TokenID == "" { // it is stopped first, which is no use of this use case
				ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
					if line, err := tx.Line().Get(r.ctx); err != nil || line != nil {
						return err
					}
					return tx.Line().Stop(r.ctx, slipway.StoppedLine{Owner: a.ID, OwnerName: a.Name, Reason: "fire", Since: r.clock()})
				}))
			}
			return of(r.LetTheLineGo(r.ctx, a, app.LetTheLineGo{}))
		}),
		"AddCalendar": only(slipway.FreezeManage, "calendar.added", prod, func(r *rig, a slipway.Actor) error {
			return of(r.AddCalendar(r.ctx, a, weekends("prod")))
		}),
		"ImportCalendars": only(slipway.FreezeManage, "calendar.added", all, func(r *rig, a slipway.Actor) error {
			return of(r.ImportCalendars(r.ctx, a, app.ImportCalendars{Reason: "rest", File: []byte("BEGIN:VEVENT\nDTSTART:20260601T000000Z\nDURATION:P1D\nEND:VEVENT\n")}))
		}),
		"RemoveCalendar": only(slipway.FreezeManage, "calendar.removed", slipway.Resource{Environment: "attic"}, func(r *rig, a slipway.Actor) error {
			return r.RemoveCalendar(r.ctx, a, app.RemoveCalendar{Calendar: 1})
		}),
		"AddBinding": only(slipway.AccessManage, "access.granted", webTeam, func(r *rig, a slipway.Actor) error {
			return of(r.AddBinding(r.ctx, a, app.AddBinding{Binding: slipway.Binding{Role: slipway.RoleViewer,
				Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: "guests"}, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "web"}}}))
		}),
		"RemoveBinding": only(slipway.AccessManage, "access.revoked", webTeam, func(r *rig, a slipway.Actor) error {
			return r.RemoveBinding(r.ctx, a, app.RemoveBinding{Binding: 1})
		}),
		"CreateToken": {asks: slipway.TokenManage, stranger: denied, by: viewer, action: "token.created", on: all, call: func(r *rig, a slipway.Actor) error {
			return of(r.CreateToken(r.ctx, a, app.CreateToken{ID: "t9", SecretHash: "hash", Name: "ci", Scopes: []slipway.Permission{slipway.ServiceRead}}))
		}},
		"RevokeToken": {asks: slipway.TokenManage, stranger: hidden, foreign: hidden, viewer: hidden, by: dev, action: "token.revoked", on: all, call: func(r *rig, a slipway.Actor) error {
			return r.RevokeToken(r.ctx, a, app.RevokeToken{Token: "t1"})
		}},
		"SetTheme": {stranger: slipway.CodeInternal, by: viewer, call: func(r *rig, a slipway.Actor) error {
			if a.ID == stranger.ID { // everybody may: the code only marks that it is no news
				return &slipway.Error{Code: slipway.CodeInternal}
			}
			return r.SetTheme(r.ctx, a, "dark")
		}},
		"SetZone": {stranger: slipway.CodeInternal, by: viewer, call: func(r *rig, a slipway.Actor) error {
			if a.ID == stranger.ID {
				return &slipway.Error{Code: slipway.CodeInternal}
			}
			return r.SetZone(r.ctx, a, "Europe/Stockholm")
		}},
	}
}

func readCases() map[string]useCase {
	read := func(call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: slipway.ServiceRead, stranger: hidden, foreign: hidden, by: viewer, call: call}
	}
	list := func(p slipway.Permission, call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: p, by: viewer, call: call} // narrowed, see narrowed_test.go
	}
	return map[string]useCase{
		"Service":         read(func(r *rig, a slipway.Actor) error { return of(r.Service(r.ctx, a, "shop")) }),
		"ServicePage":     read(func(r *rig, a slipway.Actor) error { return of(r.ServicePage(r.ctx, a, "shop")) }),
		"StagePage":       read(func(r *rig, a slipway.Actor) error { return of(r.StagePage(r.ctx, a, "shop", "prod")) }),
		"Release":         read(func(r *rig, a slipway.Actor) error { return of(r.Release(r.ctx, a, "shop", "1")) }),
		"Compare":         read(func(r *rig, a slipway.Actor) error { return of(r.Compare(r.ctx, a, "shop", "1", "2")) }),
		"RollbackPreview": read(func(r *rig, a slipway.Actor) error { return of(r.RollbackPreview(r.ctx, a, "shop", "prod", "")) }),
		"Deployment":      read(func(r *rig, a slipway.Actor) error { return of(r.Deployment(r.ctx, a, r.active("shop", "prod").ID)) }),
		"Logs":            read(func(r *rig, a slipway.Actor) error { return of(r.Logs(r.ctx, a, r.active("shop", "prod").ID, 0, 9)) }),
		"Pipeline":        read(func(r *rig, a slipway.Actor) error { _, _, err := r.Pipeline(r.ctx, a, "shop", 0); return err }),
		"Releases":        read(func(r *rig, a slipway.Actor) error { _, _, err := r.Releases(r.ctx, a, "shop", page); return err }),
		"Watch": read(func(r *rig, a slipway.Actor) error {
			return of(r.Watch(r.ctx, a, app.Watch{Services: []string{"shop"}}))
		}),
		"Outlook": read(func(r *rig, a slipway.Actor) error {
			return of(r.Outlook(r.ctx, a, app.Promote{Service: "shop", Environment: "prod", Version: "2"}))
		}),
		"DryRun": read(func(r *rig, a slipway.Actor) error {
			return of(r.DryRun(r.ctx, a, app.Promote{Service: "shop", Environment: "prod", Version: "2"}))
		}),
		"Why":      read(func(r *rig, a slipway.Actor) error { return of(r.Why(r.ctx, a, r.active("shop", "prod").ID)) }),
		"WhyStage": read(func(r *rig, a slipway.Actor) error { return of(r.WhyStage(r.ctx, a, "shop", "prod")) }),
		"WhyNot": read(func(r *rig, a slipway.Actor) error {
			return of(r.WhyNot(r.ctx, a, app.Ask{Permission: slipway.HoldLift, On: inProd}))
		}),
		"Explain": read(func(r *rig, a slipway.Actor) error {
			return of(r.Explain(r.ctx, a, app.Explain{Permission: slipway.HoldLift, Resource: inProd}))
		}),
		"Board": list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error { return of(r.Board(r.ctx, a, app.BoardFilter{}, page)) }),
		"BoardPage": list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error {
			_, _, err := r.BoardPage(r.ctx, a, app.BoardFilter{}, page)
			return err
		}),
		"Find": list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error { return of(r.Find(r.ctx, a, "shop")) }),
		"Services": list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error {
			_, _, err := r.Services(r.ctx, a, slipway.ServiceFilter{}, page)
			return err
		}),
		"Deployments": list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error {
			_, _, err := r.Deployments(r.ctx, a, slipway.DeploymentFilter{}, page)
			return err
		}),
		"Activity": list(slipway.AuditRead, func(r *rig, a slipway.Actor) error {
			_, _, err := r.Activity(r.ctx, a, slipway.AuditFilter{}, page)
			return err
		}),
		"Inbox":      list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error { return of(r.Inbox(r.ctx, a)) }),
		"InboxCount": list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error { return of(r.InboxCount(r.ctx, a)) }),
		"Surroundings": list(slipway.ServiceRead, func(r *rig, a slipway.Actor) error {
			return of(r.Surroundings(r.ctx, a))
		}),
		"Tokens": list(slipway.TokenManage, func(r *rig, a slipway.Actor) error { return of(r.Tokens(r.ctx, a, false)) }),
		"PreviewServices": list("", func(r *rig, a slipway.Actor) error {
			return of(r.PreviewServices(r.ctx, a, []app.RegisterService{{Service: slipway.Service{Name: "x", Team: "web"}}}))
		}),
		"Teams":        list("", func(r *rig, a slipway.Actor) error { return of(r.Teams(r.ctx, a)) }),
		"Environments": list("", func(r *rig, a slipway.Actor) error { return of(r.Environments(r.ctx, a)) }),
		"Line":         list("", func(r *rig, a slipway.Actor) error { return of(r.Line(r.ctx, a)) }),
		"Freezes":      list("", func(r *rig, a slipway.Actor) error { return of(r.Freezes(r.ctx, a)) }),
		"Access":       {asks: slipway.AccessExplain, stranger: denied, by: viewer, call: func(r *rig, a slipway.Actor) error { return of(r.Access(r.ctx, a)) }},
		"FreezeCalendars": list("", func(r *rig, a slipway.Actor) error {
			return of(r.FreezeCalendars(r.ctx, a))
		}),
		"CalendarsAhead": list("", func(r *rig, a slipway.Actor) error {
			return of(r.CalendarsAhead(r.ctx, a))
		}),
		"PreviewCalendar": {asks: slipway.FreezeManage, stranger: denied, foreign: denied, viewer: denied, call: func(r *rig, a slipway.Actor) error {
			return of(r.PreviewCalendar(r.ctx, a, weekends("prod")))
		}},
		"PreviewCalendars": {asks: slipway.FreezeManage, stranger: denied, foreign: denied, viewer: denied, call: func(r *rig, a slipway.Actor) error {
			return of(r.PreviewCalendars(r.ctx, a, app.ImportCalendars{Reason: "rest", Zone: "UTC", File: []byte("BEGIN:VEVENT\nDTSTART:20260601T000000Z\nDURATION:P1D\nEND:VEVENT\n")}))
		}},
		"VerifyAudit": {asks: slipway.AuditRead, stranger: denied, foreign: denied, viewer: denied, call: func(r *rig, a slipway.Actor) error {
			return of(r.VerifyAudit(r.ctx, a))
		}},
	}
}
