package browser

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/page"
)

// openPanel puts the stage beside the board that the address names, so that what
// is open can be kept and sent on. One that is not there is not open.
func (s *Surface) openPanel(c echo.Context, v *page.BoardView, key string) error {
	name, environment, named := strings.Cut(c.QueryParam("panel"), "/")
	if !named {
		return nil
	}
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	p, err := s.App.StagePage(ctx, actor, name, environment)
	if slipway.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	whole, err := s.App.ServicePage(ctx, actor, name)
	if err != nil {
		return err
	}
	stage := stageView(p, whole, s.now(c))
	stage.Key = key
	stage.Releases, stage.Promotable = candidates(p, next(whole.Row, p.Stage))
	v.Panel, v.PanelClose = &stage, "/"+with(c.QueryParams(), "panel", "")
	return nil
}
