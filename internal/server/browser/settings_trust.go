package browser

import (
	"fmt"
	"maps"
	"net/http"
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

const trustPath = "/settings/ci"

func (s *Surface) trust(c echo.Context) error { return s.showTrust(c, http.StatusOK, nil) }

// showTrust renders the rules that the reader may manage, and says who could to
// those who may manage none.
func (s *Surface) showTrust(c echo.Context, status int, refused *slipway.Error) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "settings", "CI")
	if err != nil {
		return err
	}
	v := s.trustForm(c, refused)
	v.Key = sh.Key
	rules, err := s.App.TrustRules(ctx, actor)
	switch e, _, ok := refusal(err); {
	case err == nil:
		v.CanAdd = true
	case ok && e.Code == slipway.CodeDenied:
		v.WhyNot = sentence(e)
	default:
		return err
	}
	for _, r := range rules {
		v.Rules = append(v.Rules, trustRow(r))
	}
	if v.CanAdd {
		list, err := s.App.Environments(ctx, actor)
		if err != nil {
			return err
		}
		chosen := c.Request().PostForm["environment"]
		for _, e := range list {
			v.Where = append(v.Where, component.Option{Value: e.Name, Label: e.Name, Selected: slices.Contains(chosen, e.Name)})
		}
	}
	noStore(c)
	return s.render(c, status, page.Trust(sh, v))
}

func trustRow(r slipway.TrustRule) page.TrustRow {
	row := page.TrustRow{ID: id(r.ID), Name: r.Name, On: string(r.Scope.Kind) + " " + r.Scope.Name, Issuer: r.Issuer, Audience: r.Audience, Where: r.Environments, Lives: r.Lifetime.String(), By: r.By, At: r.CreatedAt}
	for _, name := range slices.Sorted(maps.Keys(r.Claims)) {
		row.Claims = append(row.Claims, name+" = "+r.Claims[name])
	}
	for _, p := range r.Permissions {
		row.Permissions = append(row.Permissions, string(p))
	}
	return row
}

func (s *Surface) trustForm(c echo.Context, refused *slipway.Error) page.TrustView {
	field := func(name, label, value, hint string, names ...string) component.Field {
		if typed := formOnly(c, name); typed != "" {
			value = typed
		}
		return component.Field{Name: name, Label: label, Value: value, Required: true, Hint: hint, Error: fieldError(refused, append(names, name)...)}
	}
	v := page.TrustView{
		Name: field("name", "Name", "", "What it is for, so that you know later whether it can go."),
		On:   field("on", "For", "", "A service, or team:name for all services of a team.", "scope", "service", "team"),
		Issuer: field("issuer", "Issuer", "https://token.actions.githubusercontent.com",
			"Exactly as its tokens name it: https://HOST/_services/token of a GitHub Enterprise Server, the address of a GitLab, or any other OpenID issuer."),
		Audience: field("audience", "Audience", s.PublicURL, "What jobs ask their token for. A token for anybody else is refused."),
		Claims: field("claims", "Its tokens say", "", "A line for each, to the letter: repository_id=123456. GitHub needs repository_id and repository_owner_id, GitLab project_id and namespace_id, others sub. "+
			"Beside them ref, environment, event_name and others narrow further."),
		Minutes: field("lifetime", "Minutes that its tokens live", "15", "60 at most."),
	}
	v.Name.MaxLength, v.On.Mono, v.Issuer.Mono, v.Audience.Mono, v.Claims.Mono, v.Claims.Rows, v.Minutes.Type = 100, true, true, true, true, 4, "number"
	v.Claims.Placeholder = "repository_id=123456\nrepository_owner_id=789"
	kind := formOnly(c, "kind")
	for _, k := range [][2]string{{"github", "GitHub Actions"}, {"gitlab", "GitLab CI/CD"}, {"oidc", "another OpenID issuer"}} {
		v.Kinds = append(v.Kinds, component.Option{Value: k[0], Label: k[1], Selected: kind == k[0]})
	}
	chosen := c.Request().PostForm["permission"]
	for _, p := range slipway.TrustPermissions() {
		usual := isRead(c) && (p == slipway.ReleaseCreate || p == slipway.DeploymentPromote)
		v.Permissions = append(v.Permissions, component.Option{Value: string(p), Label: string(p), Selected: usual || slices.Contains(chosen, string(p))})
	}
	if refused != nil {
		v.Problems = trustProblems(refused)
	}
	return v
}

func trustProblems(refused *slipway.Error) (links []component.Link) {
	if len(refused.Fields) == 0 {
		return []component.Link{{Text: refused.Error()}}
	}
	for _, f := range refused.Fields {
		at, _, _ := strings.Cut(f.Field, ".")
		if at == "scope" || at == "service" || at == "team" {
			at = "on"
		}
		links = append(links, component.Link{Text: f.String(), Href: "#" + at})
	}
	return links
}

// trustRule reads the form.
func trustRule(c echo.Context) (slipway.TrustRule, []slipway.FieldError) {
	var faults []slipway.FieldError
	r := slipway.TrustRule{Name: text(c, "name"), Kind: slipway.TrustKind(text(c, "kind")), Issuer: text(c, "issuer"), Audience: text(c, "audience"), Claims: map[string]string{},
		Environments: c.Request().PostForm["environment"], Scope: slipway.Scope{Kind: slipway.ScopeService, Name: text(c, "on")}}
	if team, ok := strings.CutPrefix(r.Scope.Name, "team:"); ok {
		r.Scope = slipway.Scope{Kind: slipway.ScopeTeam, Name: strings.TrimSpace(team)}
	}
	for line := range strings.Lines(c.FormValue("claims")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			faults = append(faults, slipway.FieldError{Field: "claims", Message: fmt.Sprintf("%q is not of the form name=value", line)})
		}
		r.Claims[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	for _, p := range c.Request().PostForm["permission"] {
		r.Permissions = append(r.Permissions, slipway.Permission(p))
	}
	minutes, err := strconv.Atoi(text(c, "lifetime"))
	if err != nil || minutes < 1 || minutes > 60 {
		faults = append(faults, slipway.FieldError{Field: "lifetime", Message: "is 1 to 60 minutes"})
	}
	r.Lifetime = slipway.Duration(time.Duration(minutes) * time.Minute)
	return r, faults
}

func (s *Surface) addTrust(c echo.Context) error {
	rule, faults := trustRule(c)
	err := slipway.Invalid("The trust rule", faults)
	var added slipway.TrustRule
	if err == nil {
		added, err = s.App.AddTrustRule(c.Request().Context(), server.ActorOf(c), app.AddTrustRule{Once: once(c), Rule: rule})
	}
	if slipway.IsNotFound(err) { // of what the rule is for
		err = slipway.Invalid("The trust rule", []slipway.FieldError{{Field: "on", Message: "is nothing that there is, or that you may see"}})
	}
	if e, status, ok := refusal(err); ok {
		return s.showTrust(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, trustPath, fmt.Sprintf("Trust rule %d is added. Jobs sign in with slipway login --ci.", added.ID), component.Link{})
}

func (s *Surface) removeTrust(c echo.Context) error {
	n, err := number(c, "trust rule")
	if err != nil {
		return err
	}
	err = s.App.RemoveTrustRule(c.Request().Context(), server.ActorOf(c), app.RemoveTrustRule{Once: once(c), Rule: n})
	if e, status, ok := refusal(err); ok {
		return s.showTrust(c, status, e)
	}
	if err != nil && !slipway.IsNotFound(err) { // the second click finds it gone, which is what was wanted
		return err
	}
	return s.done(c, trustPath, "The rule is removed, and the tokens that it gave have ended.", component.Link{})
}
