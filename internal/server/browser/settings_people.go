package browser

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) people(c echo.Context) error { return s.showPeople(c, http.StatusOK, nil) }

// showPeople renders people, roles and teams, also after a form was refused.
func (s *Surface) showPeople(c echo.Context, status int, refused *slipway.Error) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "settings", "People")
	if err != nil {
		return err
	}
	access, err := s.App.Access(ctx, actor)
	if err != nil {
		return err
	}
	teams, err := s.App.Teams(ctx, actor)
	if err != nil {
		return err
	}
	v := peopleView(c, access, teams)
	v.Key = sh.Key
	if text(c, "permission") != "" && isRead(c) {
		if err := s.explain(c, access, &v); err != nil {
			return err
		}
	}
	if refused != nil {
		v.Error = sentence(refused)
		v.Subject.Error = fieldError(refused, "subject")
		v.NewTeam.Error, v.TeamName.Error = fieldError(refused, "name"), fieldError(refused, "title")
		if v.Subject.Error+v.NewTeam.Error+v.TeamName.Error == "" {
			v.Error = sentenceWithFields(refused)
		}
	}
	noStore(c)
	return s.render(c, status, page.People(sh, v))
}

func peopleView(c echo.Context, access app.Access, teams []slipway.Team) page.PeopleView {
	v := page.PeopleView{CanEdit: access.MayManage == "",
		Subject:  component.Field{Name: "subject", Label: "Who", Value: formOnly(c, "subject"), Required: true, Hint: "A person's e-mail, or the name of a group at the identity provider."},
		NewTeam:  component.Field{Name: "name", Label: "Name", Value: formOnly(c, "name"), Required: true, Mono: true, MaxLength: 63},
		TeamName: component.Field{Name: "title", Label: "Title", Value: formOnly(c, "title"), MaxLength: 120},
		Actor:    component.Field{Name: "actor", Label: "Who", Value: text(c, "actor"), Hint: "Empty is you."},
		Resource: component.Field{Name: "resource", Label: "On", Value: text(c, "resource"), Hint: "service, service/environment, team:name or environment:name; empty is the organisation."}}
	names := map[string]string{}
	for _, u := range access.Users {
		names[u.ID] = u.Name
		v.People = append(v.People, page.PersonRow{Name: u.Name, Login: u.Email, Groups: u.Groups, LastSeen: u.LastSeen, Off: u.Disabled})
	}
	for _, m := range access.ServiceAccounts {
		v.People = append(v.People, page.PersonRow{Name: m.ID, Login: m.ID, Service: true})
	}
	for _, b := range access.Bindings {
		v.Bindings = append(v.Bindings, page.BindingRow{ID: id(b.ID), Subject: subjectName(b.Subject, names), Group: b.Subject.Kind == slipway.SubjectGroup,
			Role: string(b.Role), On: scopeName(b.Scope), Fixed: b.Source == "configuration"})
	}
	v.Scopes = []component.Option{{Value: "organisation", Label: "the organisation", Selected: c.FormValue("scope") == "organisation"}}
	for _, t := range teams {
		v.Teams = append(v.Teams, page.TeamRow{Name: t.Name, Title: t.Title, OnCall: t.OnCall})
		v.Scopes = append(v.Scopes, component.Option{Value: "team:" + t.Name, Label: "team " + t.Title, Selected: c.FormValue("scope") == "team:"+t.Name})
	}
	for _, r := range slipway.Roles() {
		v.Roles = append(v.Roles, component.Option{Value: string(r), Label: string(r), Selected: c.FormValue("role") == string(r)})
	}
	for _, p := range slipway.Permissions() {
		v.Permission = append(v.Permission, component.Option{Value: string(p), Label: string(p), Selected: text(c, "permission") == string(p)})
	}
	return v
}

// formOnly is a field that was sent with a form, not one of the address.
func formOnly(c echo.Context, name string) string {
	if isRead(c) {
		return ""
	}
	return c.FormValue(name)
}

func subjectName(s slipway.Subject, names map[string]string) string {
	switch {
	case s.Kind == slipway.SubjectEveryone:
		return "everyone"
	case s.Kind == slipway.SubjectUser && names[s.Name] != "":
		return names[s.Name]
	default:
		return s.Name
	}
}

func scopeName(s slipway.Scope) string {
	if s.Kind == slipway.ScopeOrganisation {
		return "the organisation"
	}
	return string(s.Kind) + " " + s.Name
}

// explain answers "what can somebody do".
func (s *Surface) explain(c echo.Context, access app.Access, v *page.PeopleView) error {
	permission := slipway.Permission(text(c, "permission"))
	if !slices.Contains(slipway.Permissions(), permission) {
		v.Error = "There is no permission of that name."
		return nil
	}
	subject := ""
	if asked := text(c, "actor"); asked != "" {
		found, ok := findSubject(access, asked)
		if !ok || (found.Kind != slipway.SubjectUser && found.Kind != slipway.SubjectServiceAccount) {
			v.Actor.Error = "Nobody of that name has signed in yet."
			return nil
		}
		subject = found.Name
	}
	out, err := s.App.Explain(c.Request().Context(), server.ActorOf(c), app.Explain{Subject: subject, Permission: permission, Resource: resourceOf(text(c, "resource"))})
	if e, _, ok := refusal(err); ok {
		v.Error = sentence(e)
		return nil
	}
	if slipway.IsNotFound(err) {
		v.Resource.Error = "There is nothing of that name."
		return nil
	}
	if err != nil {
		return err
	}
	v.Answer, v.Allowed = out.Decision.Reason, component.Failed
	if out.Decision.Allowed {
		v.Allowed = component.Live
	}
	for _, g := range out.Decision.Grants {
		v.Because = append(v.Because, component.Check{State: component.Live, Note: "binding " + id(g.Binding.ID),
			Text: "Role " + string(g.Role) + " on " + scopeName(g.Binding.Scope) + ", given to " + string(g.Binding.Subject.Kind) + " " + g.Binding.Subject.Name})
	}
	if out.Who != "" {
		v.Because = append(v.Because, component.Check{State: component.Live, Text: "Who may: " + out.Who})
	}
	return nil
}

// findSubject finds a person by e-mail, name or id, or a service account.
func findSubject(access app.Access, asked string) (slipway.Subject, bool) {
	for _, u := range access.Users {
		if strings.EqualFold(u.Email, asked) || u.ID == asked || strings.EqualFold(u.Name, asked) {
			return slipway.Subject{Kind: slipway.SubjectUser, Name: u.ID}, true
		}
	}
	for _, m := range access.ServiceAccounts {
		if m.ID == asked {
			return slipway.Subject{Kind: slipway.SubjectServiceAccount, Name: m.ID}, true
		}
	}
	return slipway.Subject{}, false
}

func resourceOf(typed string) slipway.Resource {
	kind, name, found := strings.Cut(typed, ":")
	switch {
	case found && kind == "team":
		return slipway.Resource{Team: name}
	case found && kind == "environment":
		return slipway.Resource{Environment: name}
	}
	service, environment, _ := strings.Cut(strings.TrimPrefix(typed, "service:"), "/")
	return slipway.Resource{Service: service, Environment: environment}
}

func (s *Surface) addBinding(c echo.Context) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	access, err := s.App.Access(ctx, actor)
	if err != nil {
		return err
	}
	asked := text(c, "subject")
	subject, known := findSubject(access, asked)
	switch {
	case known:
	case strings.EqualFold(asked, "everyone"):
		subject = slipway.Subject{Kind: slipway.SubjectEveryone}
	default:
		subject = slipway.Subject{Kind: slipway.SubjectGroup, Name: asked}
	}
	kind, name, _ := strings.Cut(text(c, "scope"), ":")
	b, err := s.App.AddBinding(ctx, actor, app.AddBinding{Once: once(c), Binding: slipway.Binding{Subject: subject,
		Role: slipway.Role(text(c, "role")), Scope: slipway.Scope{Kind: slipway.ScopeKind(kind), Name: name}}})
	if e, status, ok := refusal(err); ok {
		return s.showPeople(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/settings/people", asked+" has the role "+string(b.Role)+" on "+scopeName(b.Scope)+".", component.Link{})
}

func (s *Surface) removeBinding(c echo.Context) error {
	n, err := number(c, "binding")
	if err != nil {
		return err
	}
	err = s.App.RemoveBinding(c.Request().Context(), server.ActorOf(c), app.RemoveBinding{Once: once(c), Binding: n})
	if e, status, ok := refusal(err); ok {
		return s.showPeople(c, status, e)
	}
	if err != nil && !slipway.IsNotFound(err) { // the second click finds it gone, which is what was wanted
		return err
	}
	return s.done(c, "/settings/people", "The role is taken away.", component.Link{})
}

func (s *Surface) addTeam(c echo.Context) error {
	team := slipway.Team{Name: text(c, "name"), Title: text(c, "title")}
	saved, err := s.newTeam(c, team)
	if e, status, ok := refusal(err); ok {
		return s.showPeople(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/settings/people", "Team "+strconv.Quote(saved.Title)+" is there.", component.Link{})
}

// newTeam refuses a name that is taken: the form to add a team must not quietly
// change one. The same form sent twice is no second team.
func (s *Surface) newTeam(c echo.Context, team slipway.Team) (slipway.Team, error) {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	teams, err := s.App.Teams(ctx, actor)
	if err != nil {
		return team, err
	}
	for _, t := range teams {
		if t.Name == team.Name && t.Title != team.Title {
			return team, slipway.Invalid("The team", []slipway.FieldError{{Field: "name", Message: "is taken by team " + t.Title}})
		}
	}
	return s.App.PutTeam(ctx, actor, app.PutTeam{Once: once(c), Team: team})
}
