package client

import (
	"encoding/json"
	"time"
)

// The wire forms, as much of them as people look at. What is not here is in an
// Answer's Raw.

// List is a page of a list.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// Me is who the token stands for.
type Me struct {
	Kind   string   `json:"kind"`
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
	Scopes []string `json:"scopes"`
}

// Service is a piece of software that is released as one.
type Service struct {
	Name        string    `json:"name"`
	Title       string    `json:"title"`
	Team        string    `json:"team"`
	Description string    `json:"description"`
	Repository  string    `json:"repository"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// AppliedPipeline is what applying a pipeline did, or would do.
type AppliedPipeline struct {
	Changed bool   `json:"changed"`
	DryRun  bool   `json:"dryRun"`
	Before  int    `json:"before"`
	Diff    string `json:"diff"`
	After   struct {
		Revision int `json:"revision"`
		Stages   []struct {
			Environment string `json:"environment"`
		} `json:"stages"`
	} `json:"after"`
}

// Registered is what registering a service with its pipeline did, or would do.
type Registered struct {
	DryRun   bool            `json:"dryRun"`
	New      bool            `json:"new"`
	Service  Service         `json:"service"`
	Pipeline AppliedPipeline `json:"pipeline"`
}

// Artifact is one built thing of a release.
type Artifact struct {
	Name      string `json:"name"`
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

// Change is one commit.
type Change struct {
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
	Author  string `json:"author,omitempty"`
	URL     string `json:"url,omitempty"`
}

// NewRelease is what CI says of what it has built.
type NewRelease struct {
	Version    string            `json:"version"`
	Artifacts  []Artifact        `json:"artifacts"`
	Commit     string            `json:"commit,omitempty"`
	Changes    []Change          `json:"changes,omitempty"`
	Config     map[string]string `json:"config,omitempty"`
	Reversible *bool             `json:"reversible,omitempty"`
	Notes      string            `json:"notes,omitempty"`
	// Sigstore bundles, as they were signed.
	Attestations []json.RawMessage `json:"attestations,omitempty"`
}

// Release is one immutable version of a service.
type Release struct {
	Service    string            `json:"service"`
	Version    string            `json:"version"`
	Seq        int64             `json:"seq"`
	Artifacts  []Artifact        `json:"artifacts"`
	Commit     string            `json:"commit"`
	Changes    []Change          `json:"changes"`
	Config     map[string]string `json:"config"`
	Reversible bool              `json:"reversible"`
	Notes      string            `json:"notes"`
	Blocked    *struct {
		Reason string `json:"reason"`
		By     string `json:"by"`
	} `json:"blocked"`
	CreatedBy string    `json:"createdBy"`
	CreatedAt time.Time `json:"createdAt"`
	LiveIn    []string  `json:"liveIn"`
	// What the attestations say of themselves, and what the gates found.
	Attestations []struct {
		PredicateType string `json:"predicateType"`
		Builder       string `json:"builder"`
		Problem       string `json:"problem"`
	} `json:"attestations"`
	Verified []struct {
		Environment string `json:"environment"`
		Result      string `json:"result"`
		Reason      string `json:"reason"`
	} `json:"verified"`
}

// Person is who did something.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Phase is one step of a deployment.
type Phase struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Message string `json:"message"`
}

// Plan is what a deployment is going to do.
type Plan struct {
	Phases []struct {
		Name string `json:"name"`
	} `json:"phases"`
}

// Running is what runs in a stage.
type Running struct {
	Observed *Observed `json:"observed"`
}

// Difference is one line of "what changes".
type Difference struct {
	Mark   string `json:"mark"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Deployment is one release going to one environment.
type Deployment struct {
	ID          int64             `json:"id"`
	Service     string            `json:"service"`
	Environment string            `json:"environment"`
	Version     string            `json:"version"`
	Cause       string            `json:"cause"`
	State       string            `json:"state"`
	Active      bool              `json:"active"`
	Plan        string            `json:"plan"`
	RequestedBy Person            `json:"requestedBy"`
	Note        string            `json:"note"`
	Message     string            `json:"message"`
	Phases      []Phase           `json:"phases"`
	Gates       []Verdict         `json:"gates"`
	CreatedAt   time.Time         `json:"createdAt"`
	Changes     []Difference      `json:"changes"`
	Commits     []Change          `json:"commits"`
	WhyNot      map[string]string `json:"whyNot"`
}

// Board is a page of the grid of services and environments.
type Board struct {
	Rows []BoardRow `json:"rows"`
	Next string     `json:"next"`
}

// BoardRow is one service.
type BoardRow struct {
	Service string      `json:"service"`
	Team    string      `json:"team"`
	Cells   []BoardCell `json:"cells"`
}

// BoardCell is one service in one environment.
type BoardCell struct {
	Environment string    `json:"environment"`
	Version     string    `json:"version"`
	Observed    *Observed `json:"observed"`
	Active      *struct {
		Deployment int64  `json:"deployment"`
		Version    string `json:"version"`
		State      string `json:"state"`
		Message    string `json:"message"`
	} `json:"active"`
	Hold *struct {
		Reason string `json:"reason"`
	} `json:"hold"`
	Failure *struct {
		Version string `json:"version"`
		State   string `json:"state"`
		Message string `json:"message"`
	} `json:"failure"`
}

// Observed is what a deployer reports.
type Observed struct {
	At     time.Time `json:"at"`
	Tracks []struct {
		Version string `json:"version"`
		Wanted  int    `json:"wanted"`
		Ready   int    `json:"ready"`
		Weight  int    `json:"weight"`
	} `json:"tracks"`
}

// LogLine is one line that a workload printed.
type LogLine struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
}

// Logs is a piece of a log.
type Logs struct {
	Lines []LogLine `json:"lines"`
	After int64     `json:"after"`
}

// Environment is a place that services run in.
type Environment struct {
	Name string `json:"name"`
	Lock *struct {
		OwnerName string `json:"ownerName"`
		Reason    string `json:"reason"`
	} `json:"lock"`
}

// Freeze keeps an environment from new deployments.
type Freeze struct {
	ID          int64     `json:"id"`
	Environment string    `json:"environment"`
	Reason      string    `json:"reason"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
}

// NewToken asks for an API token.
type NewToken struct {
	Name           string   `json:"name"`
	Scopes         []string `json:"scopes,omitempty"`
	Days           int      `json:"days,omitempty"`
	ServiceAccount string   `json:"serviceAccount,omitempty"`
}

// Token is an API token; Secret is there once, when it is created.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	OwnerID    string     `json:"ownerId"`
	Scopes     []string   `json:"scopes"`
	ExpiresAt  time.Time  `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt"`
	RevokedAt  *time.Time `json:"revokedAt"`
	Secret     string     `json:"secret"`
}
