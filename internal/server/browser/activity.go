package browser

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func auditFilter(c echo.Context) slipway.AuditFilter {
	return slipway.AuditFilter{Actor: text(c, "actor"), Action: text(c, "action"), Service: text(c, "service"), Environment: text(c, "environment"), Team: text(c, "team")}
}

func (s *Surface) activity(c echo.Context) error {
	sh, err := s.shell(c, "activity", "Activity")
	if err != nil {
		return err
	}
	filter := auditFilter(c)
	entries, next, err := s.App.Activity(c.Request().Context(), server.ActorOf(c), filter, slipway.Page{Cursor: c.QueryParam("cursor")})
	if err != nil {
		return err
	}
	q := c.QueryParams()
	v := page.ActivityView{Actor: filter.Actor, Action: filter.Action, Service: filter.Service, Environment: filter.Environment,
		Chips: chips(q), ClearHref: "/activity", Chain: component.Unknown, ChainNote: "chain not checked here: slipway audit verify",
		CSVHref: "/activity.csv" + exportQuery(q), JSONLHref: "/activity.jsonl" + exportQuery(q)}
	for _, e := range entries {
		v.Entries = append(v.Entries, entry(e))
	}
	if next != "" {
		v.NextHref = with(q, "cursor", next)
	}
	if q.Get("cursor") != "" {
		v.FirstHref = with(q, "cursor", "")
	}
	noStore(c)
	return s.render(c, http.StatusOK, page.Activity(sh, v))
}

// filterNames are the parameters that narrow the audit.
func filterNames() []string { return []string{"actor", "action", "team", "service", "environment"} }

func chips(q url.Values) []page.Chip {
	var list []page.Chip
	for _, name := range filterNames() {
		if value := strings.TrimSpace(q.Get(name)); value != "" {
			list = append(list, page.Chip{Text: name + ": " + value, Href: "/activity" + with(q, name, "")})
		}
	}
	return list
}

// exportQuery keeps the filters of a page and leaves the rest.
func exportQuery(q url.Values) string {
	kept := url.Values{}
	for _, name := range filterNames() {
		if value := q.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "?" + kept.Encode()
}

func entry(e slipway.AuditEntry) page.Entry {
	return page.Entry{ID: e.Chain + "-" + strconv.FormatInt(e.Seq, 10), At: e.At, Actor: who(e.Actor), Action: e.Action, Object: object(e), Detail: e.Summary + keyNames(e),
		Via: string(e.Via), Request: e.RequestID, Loud: strings.Contains(e.Action, "bypass") || strings.HasPrefix(e.Action, "line.")}
}

// keyNames are the keys that an entry on secrets is about, where the entry has
// them: those do not read them who may not list.
func keyNames(e slipway.AuditEntry) string {
	var detail struct {
		Keys []string `json:"keys"`
	}
	if !strings.HasPrefix(e.Action, "secret.") || json.Unmarshal(e.Detail, &detail) != nil || len(detail.Keys) == 0 {
		return ""
	}
	return " (" + strings.Join(detail.Keys, ", ") + ")"
}

// object is what an entry is about, as a link where there is a page for it.
func object(e slipway.AuditEntry) component.Link {
	kind, name, _ := strings.Cut(e.Subject, " ")
	link := component.Link{Text: e.Subject}
	if link.Text == "" {
		link.Text = e.Resource.Service
	}
	switch {
	case kind == "deployment":
		link.Href = "/runs/" + url.PathEscape(name)
	case kind == "release" && e.Resource.Service != "":
		link.Href, link.Text = releasePath(e.Resource.Service, name), e.Resource.Service+" "+name
	case e.Resource.Service != "" && e.Resource.Environment != "":
		link.Href = stagePath(e.Resource.Service, e.Resource.Environment)
	case e.Resource.Service != "":
		link.Href = servicePath(e.Resource.Service)
	case kind == "environment":
		link.Href = "/settings/environments"
	}
	return link
}
