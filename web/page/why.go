package page

import "github.com/slipway-dev/slipway/web/component"

// WhyView is the answer to "why does this stand still?".
type WhyView struct {
	Team        string
	Service     string
	Environment string
	Question    string // "Why does 1.42.0 not go out?"
	State       component.State
	Summary     string         // the answer in a sentence
	Subject     component.Link // the run or the review it is about; "" = the stage
	ID          string         // of the run; "" = the stage is asked about

	Stands []component.Block // what keeps it
	Others []component.Check // everything else that was judged
	Hold   string            // why automation is held; "" = it is not
	HoldBy component.Link
	Can    []WhyMove // what the reader can do about it
	Cannot []WhyMove

	Commands []component.Snippet
}

// WhyMove is something that would change how things stand.
type WhyMove struct {
	Text   string
	Href   string
	WhyNot string // "" = the reader may
}
