package page

import "github.com/slipway-dev/slipway/web/component"

// DryRunView is what would happen if a release were promoted now.
type DryRunView struct {
	Team        string
	Service     string
	Environment string
	Version     string
	State       component.State // of the answer
	Answer      string          // "It would start at once."
	Explain     string          // what follows from it
	From        component.Station
	To          component.Station
	Releases    []component.Option // name "version": ask about another one
	Share       string             // as asked for; "" = what the stage says
	At          string

	Summary     string
	Changes     []component.Change
	Previews    []Preview
	Silent      string // why the deployer could not say what it would do
	Commits     []component.Commit
	MoreCommits int
	CompareHref string

	Refusals []component.Block // keep it from starting at all
	Gates    []component.Check // it would wait for
	Phases   []component.Step  // that would follow
	HowOut   []component.Check
	Takes    component.Link // whose place it would take; "" = nobody's

	CanPromote bool
	WhyNot     []component.Block // why the reader may not
	Error      string            // why nothing can be said at all
	Commands   []component.Snippet
	Key        string
}

func (v DryRunView) action(what string) string {
	return "/s/" + v.Service + "/" + v.Environment + "/" + what
}

// says reports whether there is an answer to show.
func (v DryRunView) says() bool { return v.Answer != "" }
