package browser

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) newSet(c echo.Context) error { return s.showNewSet(c, http.StatusOK, nil) }

// showNewSet renders the form with what was typed.
func (s *Surface) showNewSet(c echo.Context, status int, refused *slipway.Error) error {
	sh, err := s.shell(c, "sets", "Promote several services")
	if err != nil {
		return err
	}
	environments, err := s.App.Environments(c.Request().Context(), server.ActorOf(c))
	if err != nil {
		return err
	}
	field := func(name, label string) component.Field {
		return component.Field{Name: name, Label: label, Value: c.FormValue(name), Error: fieldError(refused, name)}
	}
	v := page.NewSetView{Name: field("name", "Name"), Items: field("items", "Releases"), Note: field("note", "Note"), EnvError: fieldError(refused, "environment"), Key: sh.Key,
		OnFailure: []component.Option{{Value: string(slipway.OnFailureRollback), Label: "all go back"},
			{Value: string(slipway.OnFailureStop), Label: "all stay where they are", Selected: c.FormValue("onFailure") == string(slipway.OnFailureStop)}}}
	v.Name.Required, v.Name.MaxLength, v.Name.Hint = true, 100, "By it people find the set again."
	v.Items.Required, v.Items.Mono, v.Items.Rows = true, true, 6
	v.Items.Placeholder, v.Items.Hint = "stock 2.1.0\ncart 2.4.0 after stock", "One in a line: a service, its version, and after which others it goes."
	v.Note.Rows, v.Note.MaxLength, v.Note.Hint = 2, 2000, "For those who decide on it."
	for _, e := range environments {
		v.Environments = append(v.Environments, component.Option{Value: e.Name, Label: e.Name, Selected: e.Name == c.FormValue("environment")})
	}
	staysAt(c, &sh, "/sets/new")
	if refused != nil {
		v.WhyNot = blocks(refused.BlockedBy)
		for _, f := range refused.Fields {
			name, _, _ := strings.Cut(f.Field, "[")
			v.Problems = append(v.Problems, component.Link{Text: f.String(), Href: "#" + name})
		}
		if len(v.Problems) == 0 {
			v.Problems = []component.Link{{Text: sentence(refused)}}
		}
	}
	return s.render(c, status, page.NewSet(sh, v))
}

func (s *Surface) promoteSet(c echo.Context) error {
	items, err := setItems(c.FormValue("items"))
	var set slipway.ReleaseSet
	if err == nil {
		set, err = s.App.PromoteSet(c.Request().Context(), server.ActorOf(c), app.PromoteSet{Once: once(c), Name: text(c, "name"), Environment: text(c, "environment"),
			Items: items, Note: text(c, "note"), OnFailure: slipway.FailureRule(text(c, "onFailure"))})
	}
	if slipway.IsNotFound(err) { // a service that is not there is a fault of what was typed
		err = slipway.Invalid("The set", []slipway.FieldError{{Field: "items", Message: strings.TrimSuffix(err.Error(), ".")}})
	}
	if e, status, ok := refusal(err); ok {
		return s.showNewSet(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, setPath(set.ID), set.Name+" is on its way to "+set.Environment+".", component.Link{})
}

// setItems reads "cart 2.4.0 after stock, ledger", one in a line.
func setItems(lines string) ([]app.SetItem, error) {
	var items []app.SetItem
	var faults []slipway.FieldError
	n := 0
	for line := range strings.Lines(lines) {
		n++
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\r' || r == '\n' })
		switch {
		case len(words) == 0:
		case len(words) == 2, len(words) > 3 && words[2] == "after":
			item := app.SetItem{Service: words[0], Version: words[1]}
			if len(words) > 3 {
				item.After = words[3:]
			}
			items = append(items, item)
		default:
			faults = append(faults, slipway.FieldError{Field: "items", Message: fmt.Sprintf("line %d is not of the form SERVICE VERSION [after OTHER, ...]", n)})
		}
	}
	return items, slipway.Invalid("The set", faults)
}
