package page_test

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func setRows() []page.SetRow {
	return []page.SetRow{
		{Href: "/sets/3", Name: "Checkout 7", Environment: "production", Services: "3 services", State: component.Rolling, Progress: 33, Word: "rolling", Message: "1 of 3 live.", AskedBy: "Jonas Lind", At: ago(time.Minute)},
		{Href: "/sets/2", Name: "Checkout 6", Environment: "production", Services: "3 services", State: component.RolledBack, Word: "rolled back", Message: "cart 2.3.0 did not get there: not ready within 5m. All is as it was before.", AskedBy: "automation", At: ago(day)},
		{Href: "/sets/1", Name: "Checkout 5", Environment: "staging", Services: "1 service", State: component.Live, Word: "succeeded", Message: "All of it is live in staging.", AskedBy: "Ana Nordin", At: ago(6 * day)},
	}
}

func set() page.SetView {
	return page.SetView{ID: "3", Name: "Checkout 7", Environment: "production", State: component.Rolling, Progress: 33, Word: "rolling", Message: "1 of 3 live.",
		AskedBy: "Jonas Lind", AskedAt: ago(time.Minute), Note: "The new vouchers, at last.", OnFailure: "if one fails, all go back",
		Stations: []component.Step{
			{State: component.Live, Name: "stock 2.1.0", Href: "/runs/41", Note: "Live, before it 2.0.4.", Took: "24 s"},
			{State: component.Waiting, Name: "cart 2.4.0", Href: "/gates/42", Note: "Waits for 1 of 2 approvals, before it 2.3.0, after stock.", At: ago(time.Minute), Current: true},
			{State: component.None, Name: "checkout 7.0.0", Href: "/s/checkout/r/7.0.0", Note: "Its turn comes later, after stock and cart."},
		},
		CanCancel: true, CanRollback: true, Accept: component.Option{Value: "yes", Label: "I know that cart 2.4.0 is marked irreversible."},
		Reason: "sums are off", WhyNot: blocks(), Error: "The set is rolled back already.", Key: key}
}

func newSet() page.NewSetView {
	return page.NewSetView{Name: component.Field{Name: "name", Label: "Name", Required: true}, Items: component.Field{Name: "items", Label: "Releases", Rows: 6, Mono: true, Error: "line 2 is not of the form SERVICE VERSION"},
		Environments: []component.Option{{Value: "staging", Label: "staging"}, {Value: "production", Label: "production", Selected: true}}, EnvError: "is missing",
		OnFailure: []component.Option{{Value: "rollback", Label: "all go back"}, {Value: "stop", Label: "all stay where they are"}}, Note: component.Field{Name: "note", Label: "Note", Rows: 2},
		Problems: []component.Link{{Text: "items: line 2 is not of the form SERVICE VERSION.", Href: "#items"}}, WhyNot: blocks(), Key: key}
}
