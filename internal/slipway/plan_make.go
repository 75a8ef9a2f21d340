package slipway

import (
	"slices"
	"time"
)

// PlanInput is what a plan is made of. The pieces are loaded in the same
// transaction that uses the plan.
type PlanInput struct {
	Cause     Cause
	Pipeline  Pipeline
	Stage     Stage
	Release   Release
	Live      *Spec    // what is live in the stage, if anything
	Partial   *Partial // what has a part of its traffic, if anything
	Replicas  int      // of the stage's deployer config
	Sites     []SiteSpec
	Restore   *Spec       // for a rollback: the spec that served before, taken whole
	Secrets   *SecretView // what was last seen, where the stage needs keys
	Rotates   []string    // for a rotation: the keys with new values
	NotBefore *time.Time  // for a scheduled promotion
	Part      *Part       // instead of the part that the stage's partial strategy names
}

// NewPlan freezes a plan. A rollback goes to exactly what served before, with
// its settings of then, in one step and without the gates and checks that judge
// new releases: it must be quick, and its target has already proven itself.
func NewPlan(in PlanInput) Plan {
	plan := Plan{
		Service: in.Pipeline.Service, Environment: in.Stage.Environment, Cause: in.Cause,
		PipelineRevision: in.Pipeline.Revision, From: in.Live, Beside: in.Partial,
		Strategy: in.Stage.Strategy, Gates: in.Stage.Gates, Verify: in.Stage.Verify,
		Rollback: in.Stage.Hooks.OnRollback, NotBefore: in.NotBefore,
		Deadline: in.Stage.Deadline, OnFailure: in.Stage.OnFailure,
		To: Spec{
			Version: in.Release.Version, Seq: in.Release.Seq,
			Artifacts: in.Release.Content.Artifacts, Config: in.Release.Content.Config,
			Deployer: in.Stage.Deployer, Replicas: in.Replicas, Sites: in.Sites,
			Reversible: in.Release.Content.Reversible,
		},
	}
	if in.Cause == CauseRotation {
		plan.To, plan.Rotates = in.Live.rotated(*in.Secrets), in.Rotates
		if plan.Strategy.Type == StrategyPartial { // nobody asks for a part of the old release
			plan.Strategy = Part{Share: 100}.over(plan.Strategy)
		}
	} else if in.Secrets != nil {
		plan.To.SecretPath, plan.To.Secrets = in.Secrets.Path, in.Secrets.pins(in.Stage.Secrets)
	}
	if plan.Gates == nil {
		plan.Gates = []Gate{}
	}
	if in.Cause == CauseRollback {
		plan.To = *in.Restore
		plan.Gates, plan.Verify, plan.NotBefore = []Gate{}, nil, nil
		plan.Phases = plan.wayBack(plan.To, plan.sites())
		return plan
	}
	if in.Part != nil {
		plan.Part, plan.Strategy = in.Part, in.Part.over(plan.Strategy)
	}
	plan.Phases = withHooks(plan.forward(in.Stage.Bake), in.Stage.Hooks, plan.From)
	return plan
}

// sites lists everywhere that something runs or is to run, new ones last.
func (p Plan) sites() []string {
	sites := p.To.SiteNames()
	if p.From != nil {
		for _, site := range p.From.SiteNames() {
			if !slices.Contains(sites, site) {
				sites = append(sites, site)
			}
		}
	}
	return sites
}

// forward is the way from what is live to the new release, wave by wave.
func (p Plan) forward(bake Duration) []Desired {
	var phases []Desired
	for _, site := range p.sites() {
		if _, _, ok := p.To.At(site); !ok {
			phases = append(phases, at(site, Desired{Name: "stop " + p.From.Version, Tracks: []Track{}}))
			continue
		}
		wave := p.Strategy.phasesAt(site, p.From, p.To)
		watch(wave, bake, p.To.ID())
		for _, d := range wave {
			phases = append(phases, at(site, d))
		}
	}
	return phases
}

func at(site string, d Desired) Desired {
	if d.Site = site; site != "" {
		d.Name = site + ": " + d.Name
	}
	return d
}

// watch has the first phase in which the new release has got all it will get
// last at least as long as the stage bakes.
func watch(wave []Desired, bake Duration, spec string) {
	most := 0
	for i, d := range wave {
		for _, t := range d.Tracks {
			if t.Spec == spec && t.Weight > wave[most].weightOf(spec) {
				most = i
			}
		}
	}
	if len(wave) > 0 {
		wave[most].Bake = max(wave[most].Bake, bake)
	}
}

func (d Desired) weightOf(spec string) int {
	for _, t := range d.Tracks {
		if t.Spec == spec {
			return t.Weight
		}
	}
	return -1
}

// withHooks puts the jobs of a stage in their places.
func withHooks(phases []Desired, hooks Hooks, from *Spec) []Desired {
	running := []Track{} // what runs before anything happens
	site := phases[0].Site
	if from != nil {
		if old, ok := from.side(site); ok {
			running = append(running, old.track(100, old.replicas))
		}
	}
	var out []Desired
	for _, h := range hooks.Before {
		out = append(out, h.phase("before", running, site))
	}
	traffic := false
	for _, d := range phases {
		if !traffic && d.newTraffic(from) {
			traffic = true
			for _, h := range hooks.BeforeTraffic {
				out = append(out, h.phase("before traffic", running, d.Site))
			}
		}
		out = append(out, d)
		running = d.Tracks
	}
	for _, h := range hooks.After {
		out = append(out, h.phase("after", running, phases[len(phases)-1].Site))
	}
	return out
}

// newTraffic reports whether a release that was not live gets requests.
func (d Desired) newTraffic(from *Spec) bool {
	return slices.ContainsFunc(d.Tracks, func(t Track) bool {
		return (t.Weight > 0 || len(t.Match) > 0) && (from == nil || t.Spec != from.ID())
	})
}

// wayBack brings a release up at each site beside what runs, and moves all
// traffic once it is ready: as quick as a switch, and never to something not
// ready. Only then do the hooks run.
func (p Plan) wayBack(to Spec, sites []string) []Desired {
	var phases []Desired
	last := []Track{}
	for _, site := range sites {
		if s, ok := to.side(site); ok {
			last = []Track{s.track(100, s.replicas)}
			phases = append(phases, at(site, Desired{Name: "back to " + to.Version, Tracks: last}))
		} else {
			phases = append(phases, at(site, Desired{Name: "remove what runs", Tracks: []Track{}}))
		}
	}
	for _, h := range p.Rollback {
		phases = append(phases, h.phase("after the way back", last, sites[len(sites)-1]))
	}
	return phases
}
