package browser

import (
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/web/component"
)

// restrictable are the keys of an environment that can still be seen.
func restrictable(col app.SecretColumn) []component.Option {
	var keys []component.Option
	for _, name := range col.Names() {
		if !col.Cells[name].Restricted {
			keys = append(keys, component.Option{Value: name, Label: name})
		}
	}
	return keys
}

// restriction is what a form says of who may see a new value; nil: nothing.
func restriction(c echo.Context) *bool {
	restricted := c.FormValue("restriction") == "restrict"
	if !restricted && c.FormValue("restriction") != "lift" {
		return nil
	}
	return &restricted
}

// restrictSecret takes the sight of a key away.
func (s *Surface) restrictSecret(c echo.Context) error {
	name, environment, key := c.Param("service"), text(c, "environment"), text(c, "key")
	_, err := s.App.RestrictSecrets(c.Request().Context(), server.ActorOf(c), app.RestrictSecrets{Once: once(c), Service: name, Environment: environment, Keys: []string{key}})
	if err != nil {
		return s.secretRefused(c, err)
	}
	return s.done(c, secretsPath(name, environment), key+" in "+environment+" is restricted: nobody can see it any more.", component.Link{})
}
