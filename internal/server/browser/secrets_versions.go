package browser

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

// versionChanges fills in which keys a version changed, by name, against the one
// before it that can still be read.
func (s *Surface) versionChanges(c echo.Context, v *page.SecretsView, version string) error {
	to, err := strconv.Atoi(version)
	if err != nil {
		return nil //nolint:nilerr // nobody asked for one
	}
	from := 0
	for _, row := range v.Versions {
		if n, err := strconv.Atoi(row.Number); err == nil && n < to && n > from && row.Word == "there" {
			from = n
		}
	}
	found, err := s.App.CompareVersions(c.Request().Context(), server.ActorOf(c), v.Service, v.Chosen, from, to)
	if e, _, ok := refusal(err); ok {
		v.Error = sentence(e)
		return nil
	}
	v.VersionDiff = &page.SecretVersionDiff{Title: "Version " + version + " against version " + strconv.Itoa(from)}
	if from == 0 {
		v.VersionDiff.Title = "Version " + version
	}
	for _, d := range found {
		v.VersionDiff.Keys = append(v.VersionDiff.Keys, page.SecretKeyChange{Key: d.Key, What: d.What})
	}
	return err
}

// removeSecrets does one of the verbs to a version. Destroying is confirmed by
// typing its number: nothing undoes it.
func (s *Surface) removeSecrets(verb app.SecretVerb) echo.HandlerFunc {
	return func(c echo.Context) error {
		name, environment := c.Param("service"), text(c, "environment")
		version, _ := strconv.Atoi(c.FormValue("version")) // 0 is refused
		if verb == app.DestroyVersions && strings.TrimSpace(c.FormValue("confirm")) != strconv.Itoa(version) {
			return s.secretRefused(c, &slipway.Error{Code: slipway.CodeInvalid, Message: "Version " + strconv.Itoa(version) + " was not destroyed: its number was not typed to confirm it.",
				Affected: "Nothing was changed.", Do: "Type " + strconv.Itoa(version) + " and send it again."})
		}
		changed, err := s.App.RemoveSecrets(c.Request().Context(), server.ActorOf(c), app.RemoveSecrets{Once: once(c), Service: name, Environment: environment, Verb: verb, Versions: []int{version}})
		if err != nil {
			return s.secretRefused(c, err)
		}
		said := map[app.SecretVerb]string{app.DeleteVersions: "is deleted. It can be undeleted.", app.UndeleteVersions: "is back.", app.DestroyVersions: "is destroyed for good."}[verb]
		said = "Version " + strconv.Itoa(version) + " in " + environment + " " + said
		if changed.Proposal > 0 {
			said = "Change " + id(changed.Proposal) + " waits for approval. Nothing was changed yet."
		}
		return s.done(c, secretsPath(name, environment), said, component.Link{})
	}
}

// copySecret answers with a value and nothing else, for the clipboard: it is in
// no page. The audit has it before.
func (s *Surface) copySecret(c echo.Context) error {
	noStore(c)
	r, err := s.App.RevealSecret(c.Request().Context(), server.ActorOf(c), app.RevealSecret{Service: c.Param("service"), Environment: text(c, "environment"), Key: text(c, "name"), Copy: true})
	if e, status, ok := refusal(err); ok {
		return c.String(status, e.Message)
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set("X-Content-Type-Options", "nosniff")
	return c.Blob(http.StatusOK, "text/plain", []byte(r.Value.Reveal())) // the type of the clipboard, to the letter
}
