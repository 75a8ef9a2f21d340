package browser

import (
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

// line says whether the line is stopped, and whether the reader may change it.
func (s *Surface) line(c echo.Context, v *page.EnvironmentsView) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	stopped, err := s.App.Line(ctx, actor)
	if err != nil {
		return err
	}
	if stopped != nil {
		v.StopLine, v.StopLineBy, v.StopLineAt = stopped.Reason, stopped.OwnerName, stopped.Since
	}
	reasons, err := s.App.WhyNot(ctx, actor, app.Ask{Permission: slipway.LineStop})
	if err != nil {
		return err
	}
	v.CanStop = reasons[0] == ""
	return nil
}

func (s *Surface) stopTheLine(c echo.Context) error {
	_, err := s.App.StopTheLine(c.Request().Context(), server.ActorOf(c), app.StopTheLine{Once: once(c), Reason: text(c, "reason")})
	return s.environmentDone(c, err, "The line is stopped. Nothing but rollbacks starts anywhere, and what is at work holds before its next phase.")
}

func (s *Surface) letTheLineGo(c echo.Context) error {
	_, err := s.App.LetTheLineGo(c.Request().Context(), server.ActorOf(c), app.LetTheLineGo{Once: once(c)})
	return s.environmentDone(c, err, "The line goes again.")
}

// bypass goes around one gate of a waiting deployment.
func (s *Surface) bypass(c echo.Context) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	d, err := s.App.Bypass(c.Request().Context(), server.ActorOf(c),
		app.Bypass{Once: once(c), Deployment: n, PlanDigest: text(c, "plan"), Gate: text(c, "gate"), Reason: text(c, "reason")})
	if e, status, ok := refusal(err); ok {
		return s.showGate(c, status, sentenceWithFields(e), "")
	}
	if err != nil {
		return err
	}
	return s.done(c, gatePath(n), "You bypassed the gate "+text(c, "gate")+" for "+d.Version+" in "+d.Environment+". The audit says so, with your reason.", component.Link{})
}

// bypasses are the shut gates that the reader may go around.
func bypasses(p app.DeploymentPage) []component.Option {
	if p.Deployment.State != slipway.Waiting || p.WhyNot[slipway.GateBypass] != "" {
		return nil
	}
	var options []component.Option
	for _, v := range slipway.Blocking(p.Verdicts) {
		if slipway.Bypassable(v.Gate) && v.Key != "" {
			options = append(options, component.Option{Value: v.Key, Label: upperFirst(gateTitle(v)), Note: v.Reason})
		}
	}
	return options
}
