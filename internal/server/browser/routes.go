package browser

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Routes is every address that people can visit or send a form to.
//
// Below /s/:service the words r, compare, pipeline and secrets come before the name of
// an environment; slipway.CheckEnvironmentName sees to it that none gets such a name.
func (s *Surface) Routes() []server.Route {
	var all []server.Route
	for _, part := range [][]server.Route{s.door(), s.work(), s.services(), s.together(), s.settings()} {
		all = append(all, part...)
	}
	return all
}

func get(path string, access server.Access, h echo.HandlerFunc) server.Route {
	return server.Route{Method: http.MethodGet, Path: path, Access: access, Handler: h}
}

// post reads the form before the handler does: a body that is too long or cut
// off would otherwise look like a form without fields.
func post(path string, access server.Access, h echo.HandlerFunc) server.Route {
	return server.Route{Method: http.MethodPost, Path: path, Access: access, Handler: func(c echo.Context) error {
		parse := c.Request().ParseForm
		if strings.HasPrefix(c.Request().Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
			parse = func() error { return c.Request().ParseMultipartForm(maxUpload) }
		}
		if err := parse(); err != nil {
			return formFault(err)
		}
		return h(c)
	}}
}

// maxUpload is kept in memory; no form may be longer.
const maxUpload = 1 << 20

func formFault(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return &slipway.Error{Code: slipway.CodeInvalid, Message: "The form could not be read.", Affected: "Nothing was changed.", Do: "Go back and send it again.", Err: err}
}

func (s *Surface) work() []server.Route {
	signedIn, read := server.SignedIn(), server.Needs(slipway.ServiceRead)
	audit := server.Needs(slipway.AuditRead)
	decide, control := server.Needs(slipway.DeploymentApprove), server.Needs(slipway.DeploymentControl)
	return []server.Route{
		get("/", signedIn, s.board),
		get("/inbox", signedIn, s.inbox),
		get("/new", signedIn, s.registerPage),
		post("/new", server.Needs(slipway.ServiceRegister), s.register),
		get("/activity", audit, s.activity),
		get("/activity.csv", audit, s.activityCSV),
		get("/activity.jsonl", audit, s.activityJSONL),
		get("/gates/:id", read, s.gate),
		post("/gates/:id/approve", decide, s.approve),
		post("/gates/:id/reject", decide, s.reject),
		post("/gates/:id/bypass", server.Needs(slipway.GateBypass), s.bypass),
		get("/runs/:id", read, s.run),
		get("/runs/:id/log.txt", read, s.logText),
		get("/runs/:id/why", read, s.whyRun),
		post("/runs/:id/cancel", control, s.cancel),
		post("/runs/:id/pause", control, s.pause),
		post("/runs/:id/resume", control, s.resume),
		post("/runs/:id/retry", control, s.retry),
	}
}

func (s *Surface) services() []server.Route {
	read, promote := server.Needs(slipway.ServiceRead), server.Needs(slipway.DeploymentPromote)
	return []server.Route{
		get("/s/:service", read, s.service),
		get("/s/:service/compare", read, s.compare),
		get("/s/:service/pipeline", read, s.pipeline),
		post("/s/:service/pipeline", server.Needs(slipway.PipelineApply), s.applyPipeline),
		get("/s/:service/secrets", read, s.secrets),
		post("/s/:service/secrets/set", server.Needs(slipway.SecretWrite), s.setSecret),
		post("/s/:service/secrets/import", server.Needs(slipway.SecretWrite), s.importSecrets),
		post("/s/:service/secrets/restrict", server.Needs(slipway.SecretWrite), s.restrictSecret),
		post("/s/:service/secrets/rollback", server.Needs(slipway.SecretWrite), s.rollbackSecrets),
		post("/s/:service/secrets/changes/:id/approve", server.Needs(slipway.DeploymentApprove), s.approveSecrets),
		post("/s/:service/secrets/changes/:id/reject", server.Needs(slipway.DeploymentApprove), s.rejectSecrets),
		post("/s/:service/secrets/changes/:id/withdraw", server.Needs(slipway.SecretWrite), s.withdrawSecrets),
		post("/s/:service/secrets/delete", server.Needs(slipway.SecretWrite), s.removeSecrets(app.DeleteVersions)),
		post("/s/:service/secrets/undelete", server.Needs(slipway.SecretWrite), s.removeSecrets(app.UndeleteVersions)),
		post("/s/:service/secrets/destroy", server.Needs(slipway.SecretDestroy), s.removeSecrets(app.DestroyVersions)),
		post("/s/:service/secrets/copy", server.Needs(slipway.SecretReveal), s.copySecret),
		post("/s/:service/secrets/rollout", server.Needs(slipway.DeploymentPromote), s.rolloutSecrets),
		post("/s/:service/secrets/reveal", server.Needs(slipway.SecretReveal), s.revealSecret),
		get("/s/:service/r/:version", read, s.release),
		get("/s/:service/r/:version/dry-run", read, s.dryRunOfRelease),
		post("/s/:service/r/:version/promote", promote, s.promoteRelease),
		post("/s/:service/r/:version/block", server.Needs(slipway.ReleaseBlock), s.blockRelease),
		post("/s/:service/r/:version/unblock", server.Needs(slipway.ReleaseBlock), s.unblockRelease),
		get("/s/:service/:environment", read, s.stage),
		get("/s/:service/:environment/dry-run", read, s.dryRun),
		get("/s/:service/:environment/why", read, s.whyStage),
		post("/s/:service/:environment/promote", promote, s.promote),
		post("/s/:service/:environment/redeploy", promote, s.redeploy),
		post("/s/:service/:environment/hold/lift", server.Needs(slipway.HoldLift), s.liftHold),
		get("/s/:service/:environment/rollback", read, s.rollbackPage),
		post("/s/:service/:environment/rollback", server.Needs(slipway.DeploymentRollback), s.rollback),
	}
}

func (s *Surface) together() []server.Route {
	read, promote := server.Needs(slipway.ServiceRead), server.Needs(slipway.DeploymentPromote)
	return []server.Route{
		get("/sets", read, s.sets),
		post("/sets", promote, s.promoteSet),
		get("/sets/new", read, s.newSet),
		get("/sets/:id", read, s.set),
		post("/sets/:id/cancel", server.Needs(slipway.DeploymentControl), s.cancelSet),
		post("/sets/:id/rollback", server.Needs(slipway.DeploymentRollback), s.rollBackSet),
	}
}

func (s *Surface) door() []server.Route {
	return []server.Route{
		get("/sign-in", server.Public(), s.signIn),
		get("/find", server.SignedIn(), s.find),
		get("/device", server.SignedIn(), s.device),
		post("/device", server.Needs(slipway.TokenManage), s.decideDevice),
		post("/theme", server.SignedIn(), s.saveAppearance),
	}
}

func (s *Surface) settings() []server.Route {
	signedIn, access, teams := server.SignedIn(), server.Needs(slipway.AccessManage), server.Needs(slipway.TeamManage)
	manage, lock, freeze := server.Needs(slipway.EnvironmentManage), server.Needs(slipway.EnvironmentLock), server.Needs(slipway.FreezeManage)
	token, notify := server.Needs(slipway.TokenManage), server.Needs(slipway.NotificationManage)
	return []server.Route{
		get("/settings", signedIn, func(c echo.Context) error { return seeOther(c, "/settings/people") }),
		get("/settings/people", server.Needs(slipway.AccessExplain), s.people),
		post("/settings/people/bindings", access, s.addBinding),
		post("/settings/people/bindings/:id/remove", access, s.removeBinding),
		post("/settings/people/teams", teams, s.addTeam),
		get("/settings/environments", signedIn, s.environments),
		post("/settings/environments", manage, s.addEnvironment),
		post("/settings/environments/:environment/lock", lock, s.lockEnvironment),
		post("/settings/environments/:environment/unlock", lock, s.unlockEnvironment),
		post("/settings/stop-the-line", server.Needs(slipway.LineStop), s.stopTheLine),
		post("/settings/stop-the-line/lift", server.Needs(slipway.LineStop), s.letTheLineGo),
		post("/settings/freezes", freeze, s.addFreeze),
		post("/settings/freezes/:id/remove", freeze, s.removeFreeze),
		get("/settings/calendars/new", signedIn, s.calendarPage),
		post("/settings/calendars", freeze, s.addCalendar),
		post("/settings/calendars/:id/remove", freeze, s.removeCalendar),
		get("/settings/notifications", signedIn, s.notifications),
		post("/settings/notifications", notify, s.addRoute),
		post("/settings/notifications/:id/test", notify, s.testRoute),
		post("/settings/notifications/:id/remove", notify, s.removeRoute),
		post("/settings/notifications/deliveries/:id/redeliver", notify, s.redeliver),
		get("/settings/me/notifications", signedIn, s.myNotifications),
		post("/settings/me/notifications", signedIn, s.saveMine),
		get("/settings/tokens", signedIn, s.tokens),
		post("/settings/tokens", token, s.createToken),
		post("/settings/tokens/:id/revoke", token, s.revokeToken),
		get("/settings/chat", signedIn, s.chatAccounts),
		get("/settings/chat/link", signedIn, s.chatLink),
		post("/settings/chat/link", signedIn, s.linkChat),
		post("/settings/chat/unlink", signedIn, s.unlinkChat),
		get("/settings/ci", signedIn, s.trust),
		post("/settings/ci", server.Needs(slipway.TrustManage), s.addTrust),
		post("/settings/ci/:id/remove", server.Needs(slipway.TrustManage), s.removeTrust),
		get("/settings/appearance", signedIn, s.appearance),
		post("/settings/appearance", signedIn, s.saveAppearance),
	}
}
