package page

import "github.com/slipway-dev/slipway/web/component"

// RegisterView is the three ways of making a service known.
type RegisterView struct {
	From        string           // "form", "yaml", "backstage"
	Problems    []component.Link // summary; Href leads to the field: "#name"
	Name        component.Field  // names: name, title, description, repository, links
	Title       component.Field
	Description component.Field
	Repository  component.Field
	Links       component.Field
	Teams       []component.Option
	TeamError   string

	Text     component.Field // the pasted file, name "text"
	Lines    []component.Problem
	Preview  []RegisterPreview // what the file would register; then it can be confirmed
	Diff     []component.DiffLine
	CanApply bool // the preview holds; the confirm button shows
	WhyNot   []component.Block
	Key      string
}

// RegisterPreview is one entity of a pasted file.
type RegisterPreview struct {
	Name   string
	Title  string
	Team   string
	What   string // "new", "changes", "same", "skipped"
	Note   string // why it is skipped, which team is missing
	State  component.State
	Detail string
}

func (v RegisterView) tabs() []component.Option {
	return []component.Option{
		{Value: "/new?from=form", Label: "Form", Selected: v.From == "form" || v.From == ""},
		{Value: "/new?from=yaml", Label: "slipway.yaml", Selected: v.From == "yaml"},
		{Value: "/new?from=backstage", Label: "Backstage catalog file", Selected: v.From == "backstage"},
	}
}

func (v RegisterView) fileHelp() string {
	if v.From == "backstage" {
		return "Paste a catalog-info.yaml; several documents are fine. Components become services, other kinds are skipped. References to other files are not followed."
	}
	return "Paste a slipway.yaml. The service and its pipeline are registered together."
}

// registrable counts what the confirm button would act on.
func registrable(list []RegisterPreview) int {
	n := 0
	for _, p := range list {
		if p.What == "new" || p.What == "changes" {
			n++
		}
	}
	return n
}
