// Package protocoltest is the other side of the protocol, over a deployer that is
// written in Go: what tests of the ways of carrying it talk to.
package protocoltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

// Serve answers one request with lines, and returns the exit code of a program.
func Serve(ctx context.Context, d deployers.Deployer, request []byte, w io.Writer) int {
	out := json.NewEncoder(w)
	var r protocol.Request
	err := json.Unmarshal(request, &r)
	if err == nil && r.APIVersion != protocol.Version {
		err = fmt.Errorf("the request speaks %q", r.APIVersion)
	}
	var result any
	if err == nil {
		_ = out.Encode(protocol.Line{Log: &protocol.Log{Text: "asked to " + string(r.Call)}})
		result, err = answer(ctx, d, r)
	}
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(result)
	}
	if err == nil {
		_ = out.Encode(protocol.Line{Result: raw})
		return 0
	}
	fault := &protocol.Fault{Message: err.Error(), Terminal: deployers.IsTerminal(err)}
	if errors.Is(err, deployers.ErrStaleGeneration) {
		o, _ := d.Observe(ctx, deployers.Target(*r.Target))
		fault.Code, fault.Newest = protocol.CodeStale, o.Generation
	}
	_ = out.Encode(protocol.Line{Error: fault})
	if fault.Terminal {
		return 2
	}
	return 1
}

func answer(ctx context.Context, d deployers.Deployer, r protocol.Request) (any, error) {
	switch r.Call {
	case protocol.Capabilities:
		c := d.Capabilities()
		offer := protocol.Offer{APIVersion: protocol.Version, Summary: c.Summary, Replicas: c.Replicas, ParallelTracks: c.ParallelTracks,
			TrafficWeights: c.TrafficWeights, TrafficMatch: c.TrafficMatch, PreviewAddress: c.PreviewAddress, Secrets: c.Secrets, AtMostOnce: c.AtMostOnce}
		if _, ok := d.(deployers.LogReader); ok {
			offer.Calls = append(offer.Calls, protocol.Logs)
		}
		if _, ok := d.(deployers.Destroyer); ok {
			offer.Calls = append(offer.Calls, protocol.Destroy)
		}
		if _, ok := d.(deployers.WayChecker); ok {
			offer.Calls = append(offer.Calls, protocol.CheckWay)
		}
		return offer, nil
	case protocol.Validate:
		settings, problems := d.Validate(r.Config)
		out := protocol.Validated{Replicas: settings.Replicas}
		for _, p := range problems {
			out.Problems = append(out.Problems, protocol.Problem(p))
		}
		return out, nil
	}
	if r.Target == nil {
		return nil, errors.New("no target")
	}
	return about(ctx, d, r, deployers.Target(*r.Target))
}

func about(ctx context.Context, d deployers.Deployer, r protocol.Request, target deployers.Target) (any, error) {
	switch r.Call {
	case protocol.Preview:
		p, err := d.Preview(ctx, target, desired(r.Desired))
		return protocol.Previewed(p), err
	case protocol.Apply:
		return struct{}{}, d.Apply(ctx, target, desired(r.Desired))
	case protocol.Observe:
		o, err := d.Observe(ctx, target)
		out := protocol.Observed{At: o.At, Generation: o.Generation, Converged: o.Converged, Tracks: []protocol.ObservedTrack{},
			Address: o.Address, Preview: o.Preview, Message: o.Message, Failure: (*protocol.Failure)(o.Failure), Forgot: o.Forgot}
		for _, t := range o.Tracks {
			out.Tracks = append(out.Tracks, protocol.ObservedTrack(t))
		}
		return out, err
	case protocol.Logs:
		reader, ok := d.(deployers.LogReader)
		if !ok {
			return nil, errors.New("not offered")
		}
		lines, next, err := reader.Logs(ctx, target, r.Cursor, r.Limit)
		out := protocol.Logged{Lines: []protocol.Log{}, Next: next}
		for _, l := range lines {
			out.Lines = append(out.Lines, protocol.Log(l))
		}
		return out, err
	case protocol.Destroy:
		destroyer, ok := d.(deployers.Destroyer)
		if !ok {
			return nil, errors.New("not offered")
		}
		return struct{}{}, destroyer.Destroy(ctx, target)
	case protocol.CheckWay:
		checker, ok := d.(deployers.WayChecker)
		if !ok {
			return nil, errors.New("not offered")
		}
		var way []deployers.Desired
		for _, state := range r.Way {
			way = append(way, desired(&state))
		}
		return struct{}{}, checker.CheckWay(ctx, target, way)
	}
	return nil, deployers.Terminal(fmt.Errorf("there is no call %q", r.Call))
}

func desired(d *protocol.Desired) deployers.Desired {
	if d == nil {
		return deployers.Desired{}
	}
	out := deployers.Desired{Generation: d.Generation, Back: d.Back}
	for _, t := range d.Tracks {
		track := deployers.Track{ID: t.ID, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas, Preview: t.Preview,
			Config: t.Config, Env: t.Env, Prepared: t.Prepared}
		for _, m := range t.Match {
			track.Match = append(track.Match, deployers.Match(m))
		}
		for _, a := range t.Artifacts {
			track.Artifacts = append(track.Artifacts, deployers.Artifact(a))
		}
		for name, value := range t.Secrets {
			if track.Secrets == nil {
				track.Secrets = map[string]deployers.Secret{}
			}
			track.Secrets[name] = deployers.NewSecret(value)
		}
		out.Tracks = append(out.Tracks, track)
	}
	return out
}
