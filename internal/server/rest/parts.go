package rest

import (
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// PromoteHow is when, and with how much of the traffic. It is exported for
// huma's sake.
type PromoteHow struct {
	At    *time.Time `json:"at,omitempty" doc:"Not before this time, at most 90 days ahead; at once if left out, or past."`
	Share int        `json:"share,omitempty" minimum:"0" maximum:"100" doc:"Percent of the traffic, in the place of what a partial strategy says; 100 ends the part."`
	Match []Match    `json:"match,omitempty" maxItems:"20" doc:"Requests that get the release whatever the share, in the place of what a partial strategy says."`
}

func (h PromoteHow) part() *slipway.Part {
	if h.Share == 0 && len(h.Match) == 0 {
		return nil
	}
	part := &slipway.Part{Share: h.Share}
	for _, m := range h.Match {
		part.Match = append(part.Match, slipway.Match(m))
	}
	return part
}

// Match picks requests by a header or a cookie.
type Match struct {
	Header string `json:"header,omitempty" maxLength:"256"`
	Cookie string `json:"cookie,omitempty" maxLength:"256"`
	Value  string `json:"value" maxLength:"256"`
}

func match(m slipway.Match) Match { return Match(m) }

// Partial is a release that has a part of the traffic beside what is live.
type Partial struct {
	Deployment int64     `json:"deployment"`
	Since      time.Time `json:"since"`
	Share      int       `json:"share" doc:"Percent of the traffic."`
	Match      []Match   `json:"match" doc:"Requests that get it whatever the share."`
	Spec       Spec      `json:"spec"`
}

func partial(p *slipway.Partial) *Partial {
	if p == nil {
		return nil
	}
	return &Partial{Deployment: p.Deployment, Since: at(p.Since), Share: p.Share, Match: each(p.Match, match), Spec: spec(p.Spec)}
}
