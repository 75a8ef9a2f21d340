package rest

import (
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Plan is exactly what a deployment is going to do.
type Plan struct {
	Digest           string   `json:"digest,omitempty" doc:"What an approval is for."`
	Service          string   `json:"service"`
	Environment      string   `json:"environment"`
	Cause            string   `json:"cause"`
	Rotates          []string `json:"rotates,omitempty" doc:"Of a rotation: keys whose new values it brings, if you may list them."`
	PipelineRevision int      `json:"pipelineRevision"`
	From             *Spec    `json:"from,omitempty" doc:"What is live; left out if nothing is."`
	To               Spec     `json:"to"`
	Strategy         Strategy `json:"strategy"`
	Phases           []Phase  `json:"phases"`
	Gates            []Gate   `json:"gates"`
	Verify           []Check  `json:"verify" doc:"What is checked of the release at work."`
	OnRollback       []Hook   `json:"onRollback" doc:"Jobs that run once the old release has all traffic again."`
	Deadline         string   `json:"deadline"`
	OnFailure        string   `json:"onFailure"`
	Preview          string   `json:"preview,omitempty" doc:"What the deployer says it would change."`

	NotBefore *time.Time `json:"notBefore,omitempty" doc:"When it may start; at once if left out."`
	Part      *Part      `json:"part,omitempty" doc:"The part of the traffic that was asked for, in the place of the stage's own."`
	Beside    *Partial   `json:"beside,omitempty" doc:"A partial release that this plan ends or widens."`
}

// Part is how much of the traffic a partial deployment gets.
type Part struct {
	Share int     `json:"share" doc:"Percent."`
	Match []Match `json:"match" doc:"Requests that get it whatever the share."`
}

// Spec is everything that decides what runs. Secrets are named by version.
type Spec struct {
	ID             string            `json:"id"`
	Version        string            `json:"version"`
	Artifacts      []Artifact        `json:"artifacts"`
	Config         map[string]string `json:"config"`
	Deployer       DeployerRef       `json:"deployer"`
	Replicas       int               `json:"replicas"`
	SecretVersions map[string]int    `json:"secretVersions" doc:"0: the key was not set."`
	SecretPath     string            `json:"secretPath,omitempty" doc:"Where they lie, below the mount."`
	Reversible     bool              `json:"reversible"`
	Sites          []Site            `json:"sites" doc:"In the order of the waves; none: there is one, with the deployer's config."`
}

// Site is what differs at one site of several.
type Site struct {
	Site     string   `json:"site"`
	Config   Settings `json:"config" doc:"The deployer's config that holds there."`
	Replicas int      `json:"replicas"`
}

// Phase is one desired state on the way. With a hook it is a job that runs while
// everything stays as it is.
type Phase struct {
	Name   string  `json:"name"`
	Site   string  `json:"site,omitempty" doc:"Where, if there are several sites."`
	Hook   *Hook   `json:"hook,omitempty"`
	Tracks []Track `json:"tracks"`
	Bake   string  `json:"bake,omitempty" doc:"How long it is watched."`
	Pause  bool    `json:"pause,omitempty" doc:"Whether a person lets it go on."`
}

// Track is one release's part of a phase.
type Track struct {
	Spec     string `json:"spec"`
	Version  string `json:"version"`
	Weight   int    `json:"weight" doc:"Percent of the traffic that no match picks."`
	Replicas int    `json:"replicas"`

	Match   []Match `json:"match,omitempty" doc:"Requests that come here whatever the weights."`
	Preview bool    `json:"preview,omitempty" doc:"Whether it answers at the preview address."`
}

func plan(p slipway.Plan, digest string) Plan {
	out := Plan{Digest: digest, Service: p.Service, Environment: p.Environment, Cause: string(p.Cause), Rotates: p.Rotates, PipelineRevision: p.PipelineRevision, To: spec(p.To),
		Strategy: strategy(p.Strategy), Phases: each(p.Phases, phase), Gates: each(p.Gates, gate), Deadline: p.Deadline.String(), OnFailure: string(p.OnFailure), Preview: p.Preview,
		Verify: each(p.Verify, check), OnRollback: each(p.Rollback, hook), NotBefore: utc(p.NotBefore), Beside: partial(p.Beside)}
	if p.Part != nil {
		out.Part = &Part{Share: p.Part.Share, Match: each(p.Part.Match, match)}
	}
	if p.From != nil {
		from := spec(*p.From)
		out.From = &from
	}
	return out
}

func spec(s slipway.Spec) Spec {
	out := Spec{ID: s.ID(), Version: s.Version, Artifacts: each(s.Artifacts, artifact), Config: config(s.Config), Deployer: deployerRef(s.Deployer),
		Replicas: s.Replicas, SecretVersions: s.Secrets, SecretPath: s.SecretPath, Reversible: s.Reversible,
		Sites: each(s.Sites, func(at slipway.SiteSpec) Site {
			return Site{Site: at.Site, Config: Settings(at.Config), Replicas: at.Replicas}
		})}
	if out.SecretVersions == nil {
		out.SecretVersions = map[string]int{}
	}
	return out
}

func phase(d slipway.Desired) Phase {
	out := Phase{Name: d.Name, Site: d.Site, Bake: duration(d.Bake), Pause: d.Pause, Tracks: each(d.Tracks, track)}
	if d.Hook != nil {
		h := hook(*d.Hook)
		out.Hook = &h
	}
	return out
}

func track(t slipway.Track) Track {
	return Track{Spec: t.Spec, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas, Match: each(t.Match, match), Preview: t.Preview}
}
