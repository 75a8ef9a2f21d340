package browser

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

// find answers the find box: as a page, or as the part that the palette shows.
func (s *Surface) find(c echo.Context) error {
	query := text(c, "q")
	f, err := s.App.Find(c.Request().Context(), server.ActorOf(c), query)
	if err != nil {
		return err
	}
	v := page.FindView{Query: query, Groups: found(f, query)}
	if byScript(c) {
		return s.render(c, http.StatusOK, page.FindResults(v))
	}
	sh, err := s.shell(c, "", "Find")
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, page.Find(sh, v))
}

func found(f app.Found, query string) []page.FindGroup {
	var groups []page.FindGroup
	add := func(title string, items []page.FindItem) {
		if len(items) > 0 {
			groups = append(groups, page.FindGroup{Title: title, Items: items})
		}
	}
	var services, releases, runs []page.FindItem
	for _, svc := range f.Services {
		services = append(services, page.FindItem{State: component.None, Text: svc.Name, Note: svc.Team, Href: servicePath(svc.Name)})
	}
	for _, r := range f.Releases {
		item := page.FindItem{State: component.None, Text: r.Service + " " + r.Version, Note: "release", Href: releasePath(r.Service, r.Version)}
		if r.Blocked != nil {
			item.State, item.Note = component.Frozen, "blocked"
		}
		releases = append(releases, item)
	}
	for _, d := range f.Deployments {
		runs = append(runs, page.FindItem{State: deploymentState(d), Text: "run " + id(d.ID) + ": " + d.Service + " " + d.Version + " to " + d.Environment,
			Note: stateWord(d), Href: deploymentPath(d)})
	}
	add("Services", services)
	add("Releases", releases)
	add("Runs", runs)
	var keys []page.FindItem
	for _, k := range f.Keys {
		keys = append(keys, page.FindItem{State: component.None, Text: k.Key + " of " + k.Service, Note: "secret in " + strings.Join(k.Environments, ", "), Href: secretsPath(k.Service, k.Environments[0])})
	}
	add("Secrets", keys)
	add("Actions", actions(f, query))
	return groups
}

// actions are pages to do something on, of the service that was found first and
// in general.
func actions(f app.Found, query string) []page.FindItem {
	var items []page.FindItem
	if query == "" {
		return nil
	}
	if len(f.Services) > 0 {
		name := f.Services[0].Name
		items = append(items, page.FindItem{Text: "Compare environments of " + name, Href: servicePath(name) + "/compare"},
			page.FindItem{Text: "Edit the pipeline of " + name, Href: servicePath(name) + "/pipeline"},
			page.FindItem{Text: "See what was done to " + name, Href: "/activity?service=" + name})
	}
	for _, general := range []page.FindItem{
		{Text: "Register a service", Href: "/new"},
		{Text: "Open the inbox", Href: "/inbox"},
		{Text: "Lock or freeze an environment", Href: "/settings/environments"},
		{Text: "Explain what somebody may do", Href: "/settings/people"},
		{Text: "Create an API token", Href: "/settings/tokens"},
		{Text: "Change theme or keys", Href: "/settings/appearance"},
	} {
		if strings.Contains(strings.ToLower(general.Text), strings.ToLower(query)) {
			items = append(items, general)
		}
	}
	for i := range items {
		items[i].State = component.None
	}
	return items
}
