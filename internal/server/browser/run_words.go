package browser

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/page"
)

// failure says what happened, what is affected and what to do.
func failure(p app.DeploymentPage) *page.Failure {
	d := p.Deployment
	if d.State != slipway.Failed && d.State != slipway.RolledBack {
		return nil
	}
	reason := d.Message
	if d.State == slipway.RolledBack && d.Plan.From != nil { // said below, as what is affected
		reason = strings.TrimSuffix(reason, " "+d.Plan.From.Version+" is live again.")
	}
	f := &page.Failure{What: d.Environment + " did not take " + d.Version + ": " + reason, ID: "deployment " + id(d.ID)}
	switch {
	case d.State == slipway.RolledBack && d.Plan.From != nil:
		f.Affected = d.Plan.From.Version + " is live again."
		f.Do = "Read the first error, mend the release and send a new one, or try again if the cause lies elsewhere."
	case d.Plan.From != nil:
		f.Affected = "Nothing was undone: " + d.Environment + " may run parts of both releases. Other environments are untouched."
		f.Do = "Roll back, or retry when the cause is gone."
	default:
		f.Affected = "Nothing was live in " + d.Environment + " before."
		f.Do = "Read the first error, mend it and retry."
	}
	return f
}

// causeWords says what a run is. Which keys a rotation is of only those read who
// may list them.
func causeWords(p app.DeploymentPage) string {
	noun := causeNoun(p.Deployment.Cause)
	if keys := p.Deployment.Plan.Rotates; len(keys) > 0 {
		noun += " of " + strings.Join(keys, ", ")
	} else if p.Rotates > 0 {
		noun += " of " + plural(p.Rotates, "key")
	}
	return noun
}

func causeNoun(c slipway.Cause) string {
	switch c {
	case slipway.CauseRollback:
		return "rollback"
	case slipway.CauseRedeploy:
		return "redeployment"
	case slipway.CauseRotation:
		return "rotation"
	default:
		return "promotion"
	}
}
