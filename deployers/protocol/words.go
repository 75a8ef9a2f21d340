package protocol

import (
	"encoding/json"

	"github.com/slipway-dev/slipway/deployers"
)

// targetOf and desiredOf write what our side says; the rest reads what the other
// side says.
func targetOf(t deployers.Target) *Target { return (*Target)(&t) }

func desiredOf(d deployers.Desired) *Desired {
	out := &Desired{Generation: d.Generation, Tracks: []Track{}, Back: d.Back}
	for _, t := range d.Tracks {
		track := Track{ID: t.ID, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas, Preview: t.Preview,
			Artifacts: []Artifact{}, Config: t.Config, Env: t.Env, Prepared: t.Prepared}
		if len(track.Config) == 0 {
			track.Config = json.RawMessage("{}")
		}
		for _, m := range t.Match {
			track.Match = append(track.Match, Match(m))
		}
		for _, a := range t.Artifacts {
			track.Artifacts = append(track.Artifacts, Artifact(a))
		}
		for name, value := range t.Secrets {
			if track.Secrets == nil {
				track.Secrets = map[string]string{}
			}
			track.Secrets[name] = value.Reveal()
		}
		out.Tracks = append(out.Tracks, track)
	}
	return out
}

func (o Offer) capabilities() deployers.Capabilities {
	return deployers.Capabilities{Summary: o.Summary, Replicas: o.Replicas, ParallelTracks: o.ParallelTracks,
		TrafficWeights: o.TrafficWeights, TrafficMatch: o.TrafficMatch, PreviewAddress: o.PreviewAddress,
		Secrets: o.Secrets, AtMostOnce: o.AtMostOnce}
}

func (o Observed) observed() deployers.Observed {
	out := deployers.Observed{At: o.At, Generation: o.Generation, Converged: o.Converged, Address: o.Address,
		Preview: o.Preview, Message: clean(o.Message), Forgot: o.Forgot}
	if o.Failure != nil {
		out.Failure = &deployers.Failure{Terminal: o.Failure.Terminal, Reason: clean(o.Failure.Reason)}
	}
	for _, t := range o.Tracks {
		out.Tracks = append(out.Tracks, deployers.ObservedTrack(t))
	}
	return out
}
