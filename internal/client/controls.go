package client

import "time"

// Promotion asks for a release to go to an environment: not before At, and with
// a part of the traffic where the stage gives parts.
type Promotion struct {
	Environment string     `json:"environment"`
	Version     string     `json:"version"`
	Note        string     `json:"note,omitempty"`
	At          *time.Time `json:"at,omitempty"`
	Share       int        `json:"share,omitempty"`
	Match       []Match    `json:"match,omitempty"`
}

// Match picks requests by a header or a cookie.
type Match struct {
	Header string `json:"header,omitempty"`
	Cookie string `json:"cookie,omitempty"`
	Value  string `json:"value"`
}

// Why says why something does not go on.
type Why struct {
	Summary   string            `json:"summary"`
	BlockedBy []Verdict         `json:"blockedBy"`
	WhyNot    map[string]string `json:"whyNot"`
}

// DryRun is what would happen if a release were promoted now.
type DryRun struct {
	Starts bool `json:"starts"`
	Plan   struct {
		Preview string `json:"preview"`
		Phases  []struct {
			Name  string `json:"name"`
			Bake  string `json:"bake"`
			Pause bool   `json:"pause"`
		} `json:"phases"`
	} `json:"plan"`
	Changes   []Difference `json:"changes"`
	Refusals  []Verdict    `json:"refusals"`
	Gates     []Verdict    `json:"gates"`
	Takes     *Deployment  `json:"takes"`
	NoPreview string       `json:"noPreview"`
	WhyNot    string       `json:"whyNot"`
}

// NewCalendar asks for a freeze that comes again.
type NewCalendar struct {
	Environment string `json:"environment,omitempty"`
	Name        string `json:"name"`
	Kind        string `json:"kind,omitempty"`
	Rule        string `json:"rule"`
	Duration    string `json:"duration"`
	Zone        string `json:"zone"`
	Reason      string `json:"reason"`
}

// Calendar is a freeze that comes again.
type Calendar struct {
	ID int64 `json:"id"`
	NewCalendar
}

// Line is the line of the whole organisation.
type Line struct {
	Stopped   bool      `json:"stopped"`
	OwnerName string    `json:"ownerName"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
}
