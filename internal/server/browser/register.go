package browser

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) registerPage(c echo.Context) error {
	return s.showRegister(c, http.StatusOK, nil, func(*page.RegisterView) {})
}

// showRegister renders the form with what was typed; change puts in what came
// of a file.
func (s *Surface) showRegister(c echo.Context, status int, refused *slipway.Error, change func(*page.RegisterView)) error {
	sh, err := s.shell(c, "board", "Register a service")
	if err != nil {
		return err
	}
	teams, err := s.App.Teams(c.Request().Context(), server.ActorOf(c))
	if err != nil {
		return err
	}
	may, err := s.mayRegister(c, teams)
	if err != nil {
		return err
	}
	v := registerForm(c, refused)
	v.From, v.Key = registerFrom(c), sh.Key
	chosen, allowed := text(c, "team"), false
	for i, t := range teams {
		o := component.Option{Value: t.Name, Label: t.Title, Selected: t.Name == chosen}
		if may[i] != "" {
			o.Disabled, o.Note = true, "you may not register there"
		}
		allowed = allowed || may[i] == ""
		v.Teams = append(v.Teams, o)
	}
	switch {
	case len(teams) == 0:
		v.WhyNot = []component.Block{{What: "Team", Why: "There is no team yet, and a service belongs to one.", Href: "/settings/people"}}
	case !allowed:
		v.WhyNot = why("Permission", may[0])
	}
	if refused != nil && v.From == "form" {
		v.WhyNot = append(blocks(refused.BlockedBy), v.WhyNot...)
	}
	change(&v)
	return s.render(c, status, page.Register(sh, v))
}

func (s *Surface) mayRegister(c echo.Context, teams []slipway.Team) ([]string, error) {
	asks := make([]app.Ask, len(teams))
	for i, t := range teams {
		asks[i] = app.Ask{Permission: slipway.ServiceRegister, On: slipway.Resource{Team: t.Name}}
	}
	return s.App.WhyNot(c.Request().Context(), server.ActorOf(c), asks...)
}

func registerFrom(c echo.Context) string {
	switch from := c.QueryParam("from"); from {
	case "yaml", "backstage":
		return from
	default:
		return "form"
	}
}

func registerForm(c echo.Context, refused *slipway.Error) page.RegisterView {
	field := func(name, label string) component.Field {
		return component.Field{Name: name, Label: label, Value: c.FormValue(name), Error: fieldError(refused, name)}
	}
	v := page.RegisterView{Name: field("name", "Name"), Title: field("title", "Title"), Description: field("description", "Description"),
		Repository: field("repository", "Repository"), Links: field("links", "Links"), Text: field("text", "File"), TeamError: fieldError(refused, "team")}
	v.Name.Required, v.Name.Mono, v.Name.Hint, v.Name.MaxLength = true, true, "A to z in lower case, digits and hyphens. It stays for ever.", 63
	v.Title.Hint, v.Title.MaxLength = "What people call it.", 120
	v.Description.Rows = 3
	v.Repository.Type, v.Repository.Placeholder = "url", "https://"
	v.Links.Rows, v.Links.Hint = 3, "One in a line: a title, then its address."
	v.Text.Rows, v.Text.Mono, v.Text.Required = 18, true, true
	if refused == nil {
		return v
	}
	for _, f := range refused.Fields {
		name, _, _ := strings.Cut(f.Field, "[")
		v.Problems = append(v.Problems, component.Link{Text: f.String(), Href: "#" + name})
	}
	if len(v.Problems) == 0 {
		v.Problems = []component.Link{{Text: sentence(refused)}}
	}
	return v
}

func (s *Surface) register(c echo.Context) error {
	switch registerFrom(c) {
	case "yaml":
		return s.registerYAML(c)
	case "backstage":
		return s.registerBackstage(c)
	default:
		return s.registerByForm(c)
	}
}

func (s *Surface) registerByForm(c echo.Context) error {
	svc := slipway.Service{Name: text(c, "name"), Title: text(c, "title"), Team: text(c, "team"), Description: text(c, "description"),
		Repository: text(c, "repository"), Links: linksOf(c.FormValue("links"))}
	saved, err := s.App.RegisterService(c.Request().Context(), server.ActorOf(c), app.RegisterService{Once: once(c), Service: svc, MustCreate: true})
	if e, status, ok := refusal(err); ok {
		return s.showRegister(c, status, e, func(*page.RegisterView) {})
	}
	if err != nil {
		return err
	}
	return s.done(c, servicePath(saved.Name), saved.Name+" is registered. Give it a pipeline next.",
		component.Link{Text: "Write the pipeline", Href: servicePath(saved.Name) + "/pipeline"})
}

// linksOf reads one link in a line: the address is the last word.
func linksOf(typed string) []slipway.Link {
	var links []slipway.Link
	for l := range strings.Lines(typed) {
		words := strings.Fields(l)
		if len(words) > 0 {
			links = append(links, slipway.Link{Title: strings.Join(words[:len(words)-1], " "), URL: words[len(words)-1]})
		}
	}
	return links
}

// refusedFile shows a file with its faults; it stays as it was typed.
func (s *Surface) refusedFile(c echo.Context, err error, preview ...page.RegisterPreview) error {
	e, status, ok := refusal(err)
	if !ok {
		return err
	}
	return s.showRegister(c, status, nil, func(v *page.RegisterView) {
		v.Lines, v.Preview, v.WhyNot = problems(e), preview, append(blocks(e.BlockedBy), v.WhyNot...)
	})
}

func (s *Surface) registerYAML(c echo.Context) error {
	file, err := manifest.ReadPipeline([]byte(c.FormValue("text")))
	if err != nil {
		return s.refusedFile(c, err)
	}
	preview := c.FormValue("intent") != "apply"
	out, err := s.App.RegisterFile(c.Request().Context(), server.ActorOf(c), app.RegisterFile{Once: once(c), Service: file.Service,
		Describes: file.Describes, Pipeline: file.Pipeline, Locate: file.Locate, DryRun: preview})
	if err != nil {
		return s.refusedFile(c, err)
	}
	if !preview {
		return s.doneBut(c, servicePath(out.Service.Name), out.Service.Name+" is registered with its pipeline.", component.Link{}, out.Pipeline.Warnings)
	}
	row := page.RegisterPreview{Name: out.Service.Name, Title: out.Service.Title, Team: out.Service.Team, What: "new", State: component.Live,
		Detail: strings.Join(append([]string{"Pipeline: " + strings.ToLower(diffTitle(out.Pipeline)) + "."}, out.Pipeline.Warnings...), " ")}
	if len(file.Pipeline.Stages) == 0 {
		row.Detail = "Without a pipeline."
	}
	if out.Before.Name != "" {
		row.What, row.State = "changes", component.Waiting
		if out.Before.UpdatedAt.Equal(out.Service.UpdatedAt) && !out.Pipeline.Changed {
			row.What, row.State = "same", component.None
		}
	}
	return s.showRegister(c, http.StatusOK, nil, func(v *page.RegisterView) {
		v.Preview, v.CanApply = []page.RegisterPreview{row}, row.What != "same"
		v.Diff = diffLines(manifest.DiffText([]byte(source(out.Pipeline.Before)), []byte(source(out.Pipeline.After))), false)
	})
}

func (s *Surface) registerBackstage(c echo.Context) error {
	entities, err := manifest.ParseCatalogInfo([]byte(c.FormValue("text")))
	if err != nil {
		return s.refusedFile(c, err)
	}
	var commands []app.RegisterService
	for _, e := range entities {
		if e.Skipped == "" {
			commands = append(commands, app.RegisterService{Service: e.Service})
		}
	}
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	outlooks, err := s.App.PreviewServices(ctx, actor, commands)
	if err != nil {
		return err
	}
	rows, fine := catalogRows(entities, outlooks)
	if c.FormValue("intent") != "apply" || len(commands) == 0 {
		return s.showRegister(c, http.StatusOK, nil, func(v *page.RegisterView) { v.Preview, v.CanApply = rows, fine })
	}
	if _, err := s.App.RegisterServices(ctx, actor, once(c), commands); err != nil {
		return s.refusedFile(c, err, rows...)
	}
	return s.done(c, "/", plural(len(commands), "service")+" of the file are registered.", component.Link{})
}

// catalogRows shows what each entity of a file becomes. The file is registered
// whole or not at all, so one fault keeps it from being applied.
func catalogRows(entities []manifest.Entity, outlooks []app.ServiceOutlook) (rows []page.RegisterPreview, fine bool) {
	fine = true
	changes, next := 0, 0
	for _, e := range entities {
		row := page.RegisterPreview{Name: e.Name, Title: e.Service.Title, Team: e.Service.Team, Note: strings.Join(e.Notes, " ")}
		if e.Skipped != "" {
			row.What, row.State, row.Note = "skipped", component.None, e.Skipped+"."
			rows = append(rows, row)
			continue
		}
		row.Name, row.What, row.State = e.Service.Name, outlooks[next].What, component.Live
		switch {
		case outlooks[next].Fault != "":
			row.What, row.State, row.Detail, fine = "refused", component.Failed, outlooks[next].Fault, false
		case row.What == "same":
			row.State = component.None
		default:
			changes++
		}
		next++
		rows = append(rows, row)
	}
	return rows, fine && changes > 0
}
