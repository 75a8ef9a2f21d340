package rest

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Person is who did something.
type Person struct {
	Kind string `json:"kind" doc:"user, serviceaccount or system"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

func person(p slipway.Person) Person { return Person{Kind: string(p.Kind), ID: p.ID, Name: p.Name} }

// Verdict is the answer to every "why not?".
type Verdict struct {
	Gate     string     `json:"gate" doc:"approval, soak, window, external, metric, errorBudget, provenance, expression, schedule; lock, freeze, stop-the-line; block, order, hold, permission, active, irreversible, plan"`
	Result   string     `json:"result" doc:"pass, wait, fail or unknown"`
	Reason   string     `json:"reason"`
	Since    *time.Time `json:"since,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	Who      string     `json:"who,omitempty" doc:"Who can change it."`
	Have     int        `json:"have,omitempty" doc:"Approvals that count so far."`
	Need     int        `json:"need,omitempty" doc:"Approvals that are needed."`
	Title    string     `json:"title,omitempty" doc:"Its own name, among others of its kind."`
	Key      string     `json:"key,omitempty" doc:"Names it among all gates of the deployment, for a bypass."`
	Bypassed string     `json:"bypassed,omitempty" doc:"Who went around it, and why. The gate itself has not opened."`
}

func verdict(v slipway.Verdict) Verdict {
	return Verdict{Gate: v.Gate, Title: v.Title, Key: v.Key, Result: string(v.Result), Reason: v.Reason, Since: utc(v.Since), Until: utc(v.Until), Who: v.Who,
		Have: v.Have, Need: v.Need, Bypassed: v.Bypassed}
}

func verdicts(list []slipway.Verdict) []Verdict { return each(list, verdict) }

// Difference is one line of "what changes".
type Difference struct {
	Mark   string `json:"mark" doc:"new, changed or removed"`
	Kind   string `json:"kind" doc:"artifact, config, secret, deployer, setting, strategy, gates, ..."`
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

func differences(list []slipway.Difference) []Difference {
	return each(list, func(d slipway.Difference) Difference {
		return Difference{Mark: string(d.Mark), Kind: d.Kind, Name: d.Name, Before: d.Before, After: d.After}
	})
}

// Settings is an object of somebody else's, such as a deployer's, as it was
// written: every digit of a number is kept.
type Settings json.RawMessage

// Schema says that it is an object of anything.
func (Settings) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// MarshalJSON passes the text on.
func (s Settings) MarshalJSON() ([]byte, error) {
	if len(s) == 0 {
		return []byte("{}"), nil
	}
	return s, nil
}

// utc moves times to one zone, so that two answers compare as text.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// at is utc for a time that is there.
func at(t time.Time) time.Time { return t.UTC() }

// listed is a list that is never null.
func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func names[T ~string](list []T) []string {
	return each(list, func(t T) string { return string(t) })
}
