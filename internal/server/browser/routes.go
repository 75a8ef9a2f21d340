package browser

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Routes is every address that people can visit or send a form to.
//
// Below /s/:service the words r, compare and pipeline come before the name of
// an environment; reserved sees to it that none gets such a name here.
func (s *Surface) Routes() []server.Route {
	var all []server.Route
	for _, part := range [][]server.Route{s.door(), s.work(), s.services(), s.settings()} {
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
		if err := c.Request().ParseForm(); err != nil {
			return formFault(err)
		}
		return h(c)
	}}
}

func formFault(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return &slipway.Error{Code: slipway.CodeInvalid, Message: "The form could not be read.", Affected: "Nothing was changed.", Do: "Go back and send it again.", Err: err}
}

func (s *Surface) work() []server.Route {
	signedIn, read := server.SignedIn(), server.Needs(slipway.ServiceRead)
	decide, control := server.Needs(slipway.DeploymentApprove), server.Needs(slipway.DeploymentControl)
	return []server.Route{
		get("/", signedIn, s.board),
		get("/inbox", signedIn, s.inbox),
		get("/gates/:id", read, s.gate),
		post("/gates/:id/approve", decide, s.approve),
		post("/gates/:id/reject", decide, s.reject),
		get("/runs/:id", read, s.run),
		get("/runs/:id/log.txt", read, s.logText),
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
		get("/s/:service/:environment", read, s.stage),
		post("/s/:service/:environment/promote", promote, s.promote),
		post("/s/:service/:environment/redeploy", promote, s.redeploy),
		post("/s/:service/:environment/hold/lift", server.Needs(slipway.HoldLift), s.liftHold),
		get("/s/:service/:environment/rollback", read, s.rollbackPage),
		post("/s/:service/:environment/rollback", server.Needs(slipway.DeploymentRollback), s.rollback),
	}
}

func (s *Surface) door() []server.Route {
	return []server.Route{
		get("/sign-in", server.Public(), s.signIn),
	}
}

func (s *Surface) settings() []server.Route { return nil }
