package browser

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func secretsPath(service, environment string) string {
	return servicePath(service) + "/secrets?" + url.Values{"environment": {environment}}.Encode()
}

func (s *Surface) secrets(c echo.Context) error {
	return s.showSecrets(c, http.StatusOK, c.QueryParam("environment"), func(*page.SecretsView) {})
}

// showSecrets renders the page; change puts in what a form was about. Nothing of
// it may stay in a cache or in the history.
func (s *Surface) showSecrets(c echo.Context, status int, environment string, change func(*page.SecretsView)) error {
	name, ctx := c.Param("service"), c.Request().Context()
	sh, err := s.shell(c, "board", "secrets of "+name)
	if err != nil {
		return err
	}
	staysAt(c, &sh, servicePath(name)+"/secrets")
	m, err := s.App.Secrets(ctx, server.ActorOf(c), name)
	if err != nil {
		return err
	}
	v := secretsView(m)
	v.Key = sh.Key
	if v.Changes, err = s.secretChanges(c, name); err != nil {
		return err
	}
	for _, col := range m.Environments {
		if col.Environment.Name != environment || col.WhyNot != "" {
			continue
		}
		v.Chosen, v.CanWrite, v.WhyNot = environment, col.MayWrite == "", col.MayWrite
		versions, err := s.App.SecretVersions(ctx, server.ActorOf(c), name, environment)
		if e, _, ok := refusal(err); ok {
			v.Error = sentence(e)
		} else if err != nil {
			return err
		}
		v.Over = strconv.Itoa(versions.Current)
		v.Restrict = restrictable(col)
		v.Versions = versionRows(versions, col)
		if err := s.versionChanges(c, &v, c.QueryParam("changes")); err != nil {
			return err
		}
	}
	change(&v)
	noStore(c)
	return s.render(c, status, page.Secrets(sh, v))
}

func secretsView(m app.SecretMatrix) page.SecretsView {
	v := page.SecretsView{Team: m.Service.Team, Service: m.Service.Name,
		Name:  component.Field{Name: "key", Label: "Key", Required: true, Mono: true, MaxLength: 200, Autocomplete: "off"},
		Value: component.Field{Name: "value", Label: "Value", Type: "password", Autocomplete: "new-password", Hint: "It is not shown again, unless somebody who may reveals it."},
		Paste: component.Field{Name: "text", Label: "A .env file or a JSON object", Rows: 6, Mono: true, Autocomplete: "off", Hint: "You see first what it would do."}}
	for _, col := range m.Environments {
		out := page.SecretColumn{Environment: col.Environment.Name, Href: secretsPath(m.Service.Name, col.Environment.Name), Path: col.Path, Problem: col.View.Problem, Hidden: col.WhyNot}
		if col.View.Version > 0 {
			out.Version = strconv.Itoa(col.View.Version)
		}
		if col.Refusal != nil {
			v.Refusal = refusedThere(v.Refusal, col)
		}
		out.Rotation = rotationView(m.Service.Name, col)
		if col.LastChange != nil {
			out.By, out.At = col.LastChange.ByName, col.LastChange.At
		}
		v.Columns = append(v.Columns, out)
	}
	for _, key := range m.Keys {
		row := page.SecretRow{Key: key}
		for _, col := range m.Environments {
			row.Cells = append(row.Cells, secretCell(col, col.Cells[key], key))
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// refusedThere adds an environment to those that the store does not let the asker
// see. What to do is the same for all of them and said once.
func refusedThere(said *page.SecretRefusal, col app.SecretColumn) *page.SecretRefusal {
	if said == nil {
		said = &page.SecretRefusal{}
	}
	said.In, said.Do = append(said.In, col.Environment.Name), col.Refusal.Do
	said.Title = "You cannot see the secrets of " + listed(said.In) + "."
	if !slices.Contains(said.Reasons, col.Refusal.Message) {
		said.Reasons = append(said.Reasons, col.Refusal.Message)
	}
	return said
}

func secretCell(col app.SecretColumn, cell app.SecretCell, key string) page.SecretCell {
	out := page.SecretCell{Environment: col.Environment.Name, State: component.None, Word: "not set", CanReveal: cell.Set && col.MayReveal == "" && !cell.Restricted, Restricted: cell.Restricted}
	switch {
	case col.WhyNot != "":
		out.State, out.Word = component.Unknown, "not for you to see"
	case cell.Set:
		out.State, out.Word = component.Live, "set"
		if cell.Alike != "" {
			out.Note = "value " + cell.Alike
		}
	case cell.Needed:
		out.State, out.Word = component.Failed, "missing"
	}
	if runs := col.Pinned[key]; runs > 0 && runs != col.View.Version && cell.Set {
		out.Note = strings.TrimPrefix(out.Note+", version "+strconv.Itoa(runs)+" runs", ", ")
	}
	return out
}

func versionRows(list app.SecretVersions, col app.SecretColumn) []page.SecretVersion {
	var rows []page.SecretVersion
	may := col.MayWrite == ""
	for _, r := range list.Versions {
		row := page.SecretVersion{Number: strconv.Itoa(r.Version), At: r.At, Word: "there", How: "outside of Slipway", Runs: r.Live,
			Restore: may && r.Readable() && r.Version != list.Current,
			Delete:  may && r.Readable() && !r.Live, Undelete: may && !r.Destroyed && r.DeletedAt != nil, Destroy: col.MayDestroy == "" && !r.Destroyed && !r.Live}
		if r.Readable() {
			row.ChangesHref = secretsPath(list.Service.Name, col.Environment.Name) + "&changes=" + row.Number + "#changes-of-version"
		}
		switch {
		case r.Destroyed:
			row.Word = "destroyed"
		case r.DeletedAt != nil:
			row.Word = "deleted"
		}
		if r.Change != nil {
			row.How, row.Keys = r.Change.Action+" by "+r.Change.ByName, strings.Join(r.Change.Keys, ", ")
		}
		rows = append(rows, row)
	}
	return rows
}

// secretRefused shows the page again with what was wrong, and with what was typed
// but for values of single keys.
func (s *Surface) secretRefused(c echo.Context, err error) error {
	e, status, ok := refusal(err)
	if slipway.SecretFaultOf(err) != "" && !ok {
		return s.showSecrets(c, http.StatusNotFound, text(c, "environment"), func(v *page.SecretsView) { v.Error = err.Error() })
	}
	if !ok {
		return err
	}
	return s.showSecrets(c, status, text(c, "environment"), func(v *page.SecretsView) {
		if v.Error = sentenceWithFields(e); slipway.PersonRefused(err) != nil {
			v.Error, v.ErrorNote = e.Message, strings.TrimSpace(e.Affected+" "+e.Do)
		}
		v.Name.Value, v.Paste.Value = text(c, "key"), c.FormValue("text")
	})
}

// over is the version that a form was made for.
func over(c echo.Context) *int {
	n, err := strconv.Atoi(c.FormValue("over"))
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

func (s *Surface) setSecret(c echo.Context) error {
	name, environment, key := c.Param("service"), text(c, "environment"), text(c, "key")
	value := slipway.NewSecret(c.FormValue("value"))
	changed, err := s.App.SetSecrets(c.Request().Context(), server.ActorOf(c), app.SetSecrets{Service: name, Environment: environment,
		Changes: map[string]*slipway.Secret{key: &value}, Over: over(c), Restricted: restriction(c)})
	if err != nil {
		return s.secretRefused(c, err)
	}
	return s.changedSecrets(c, environment, changed, key+" is set in "+environment)
}

func (s *Surface) importSecrets(c echo.Context) error {
	name, environment, ctx := c.Param("service"), text(c, "environment"), c.Request().Context()
	values, err := app.ParseSecrets(c.FormValue("text"))
	if err != nil {
		return s.secretRefused(c, err)
	}
	if c.FormValue("step") != "import" {
		preview, err := s.App.PreviewImport(ctx, server.ActorOf(c), name, environment, values)
		if err != nil {
			return s.secretRefused(c, err)
		}
		return s.showSecrets(c, http.StatusOK, environment, func(v *page.SecretsView) {
			v.Paste.Value = c.FormValue("text")
			v.Preview = &page.SecretPreview{New: namesOrNone(preview.New), Replace: namesOrNone(preview.Replace), Keep: namesOrNone(preview.Keep)}
		})
	}
	changed, err := s.App.SetSecrets(ctx, server.ActorOf(c), app.SetSecrets{Service: name, Environment: environment, Changes: values, Over: over(c), Import: true})
	if err != nil {
		return s.secretRefused(c, err)
	}
	return s.changedSecrets(c, environment, changed, plural(len(values), "key")+" imported into "+environment)
}

// changedSecrets says what came of a change: a version, or a question.
func (s *Surface) changedSecrets(c echo.Context, environment string, changed app.SecretsChanged, said string) error {
	said += ", as version " + strconv.Itoa(changed.Version) + "."
	if changed.Proposal > 0 {
		said = "Change " + id(changed.Proposal) + " waits for approval. Nothing was written yet."
	}
	return s.done(c, secretsPath(c.Param("service"), environment), said, component.Link{})
}

func namesOrNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (s *Surface) rollbackSecrets(c echo.Context) error {
	name, environment := c.Param("service"), text(c, "environment")
	version, _ := strconv.Atoi(c.FormValue("version")) // 0 is refused
	changed, err := s.App.RestoreSecrets(c.Request().Context(), server.ActorOf(c), app.RestoreSecrets{Once: once(c), Service: name, Environment: environment, Version: version})
	if err != nil {
		return s.secretRefused(c, err)
	}
	return s.changedSecrets(c, environment, changed, "Version "+strconv.Itoa(version)+" is back in "+environment)
}

// rotationView says what is new for what runs; nil if nothing is.
func rotationView(service string, col app.SecretColumn) *page.SecretRotation {
	r := col.Rotation
	if len(r.Keys) == 0 {
		return nil
	}
	v := &page.SecretRotation{Keys: strings.Join(r.Keys, ", "), WhyNot: r.WhyNot}
	switch {
	case r.Deployment != 0:
		v.Note = "Something is under way there: it brings the new value along, or is waited for."
		v.Run = component.Link{Text: "Open run " + id(r.Deployment), Href: runPath(r.Deployment)}
	case r.Rule == slipway.RotateNever:
		v.Note = "The pipeline leaves it to the next deployment."
		v.Run = component.Link{Text: "Open " + col.Environment.Name, Href: stagePath(service, col.Environment.Name)}
	case r.Rule == slipway.RotateAuto:
		v.Note, v.Offer = "Slipway rolls it out by itself, unless automation is held or the environment locked.", r.WhyNot == ""
	default:
		v.Note, v.Offer = "It takes the new one with its next deployment, or with one of its own.", r.WhyNot == ""
	}
	return v
}

func (s *Surface) rolloutSecrets(c echo.Context) error {
	name, environment := c.Param("service"), text(c, "environment")
	d, err := s.App.RolloutSecrets(c.Request().Context(), server.ActorOf(c), app.RolloutSecrets{Once: once(c), Service: name, Environment: environment})
	if err != nil {
		return s.secretRefused(c, err)
	}
	return s.done(c, deploymentPath(d), "The new value goes out to "+environment+", through the gates of "+name+".", component.Link{})
}

// revealSecret answers with the page itself, which the browser leaves again by
// itself: no script is needed to mask the value.
func (s *Surface) revealSecret(c echo.Context) error {
	name, environment, key := c.Param("service"), text(c, "environment"), text(c, "key")
	r, err := s.App.RevealSecret(c.Request().Context(), server.ActorOf(c), app.RevealSecret{Service: name, Environment: environment, Key: key})
	if err != nil {
		return s.secretRefused(c, err)
	}
	seconds := strconv.Itoa(int(r.Until.Sub(s.now(c)).Round(time.Second) / time.Second))
	c.Response().Header().Set("Refresh", seconds+"; url="+secretsPath(name, environment))
	return s.showSecrets(c, http.StatusOK, environment, func(v *page.SecretsView) {
		v.Revealed = &page.RevealedSecret{Key: key, Environment: environment, Value: r.Value.Reveal(), Seconds: seconds}
	})
}
