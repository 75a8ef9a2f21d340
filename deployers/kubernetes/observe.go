package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/deployers"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// Observe implements deployers.Deployer. It reads what is there, at most a
// moment ago, and has a worker look after a target that is not as wanted.
func (d *Deployer) Observe(ctx context.Context, name deployers.Target) (deployers.Observed, error) {
	if err := ctx.Err(); err != nil {
		return deployers.Observed{}, err
	}
	t := d.target(name)
	s, err := d.fresh(ctx, t)
	if err != nil {
		return deployers.Observed{}, fmt.Errorf("%s: %w", name, err)
	}
	if s == nil {
		return deployers.Observed{At: time.Now(), Converged: true}, nil
	}
	if s.record.Settled != s.record.Generation || s.gateway() != nil || s.overwritten() || s.untidy() {
		d.attend(t)
	}
	o := s.observe()
	if o.Failure == nil && !o.Converged {
		t.mu.Lock()
		if t.said != "" {
			o.Failure = &deployers.Failure{Reason: t.said}
		}
		t.mu.Unlock()
	}
	if o.Failure != nil {
		s.lastWords(ctx, d, &o)
	}
	return o, nil
}

// converged: see deployers.Observed.
func (s *snapshot) converged() bool {
	if hostsAll(s.kind()) {
		return s.convergedInPlace()
	}
	if len(s.tracks) == 0 {
		for name, u := range s.workloads {
			if s.isHome(name) && s.givenBack() && s.isGivenBack(u) {
				continue
			}
			if !s.isHome(name) || replicasOf(u) != 0 {
				return false
			}
		}
		return len(s.pods) == 0 && s.routed()
	}
	hashes := map[string]bool{}
	for _, t := range s.tracks {
		hashes[trackHash(t.track.ID)] = true
		live := s.workloads[t.workload.GetName()]
		if live == nil || replicasOf(live) != int64(t.track.Replicas) || !s.complete(t) || changed(live, t.workload) {
			return false
		}
		if result, err := status.Compute(live); err != nil || result.Status != status.CurrentStatus {
			return false
		}
		staying := 0
		for _, p := range s.podsOf(trackHash(t.track.ID)) {
			if !leaving(p) {
				staying++
			}
		}
		if staying != t.track.Replicas {
			return false
		}
	}
	for name := range s.workloads {
		if !s.isWanted(name) {
			return false
		}
	}
	if s.overwritten() { // the fence stands once all of it carries the generation
		return false
	}
	for i := range s.pods {
		if p := &s.pods[i]; !leaving(p) && !hashes[p.Labels[labelTrack]] {
			return false
		}
	}
	return s.routed() && s.calm()
}

// observe is the report. What came true is reported once that is on record: from
// then on a change by hand is left as it is, and seen.
func (s *snapshot) observe() deployers.Observed {
	o := deployers.Observed{At: s.at, Generation: s.record.Generation, Converged: s.converged() && s.record.Settled == s.record.Generation}
	if s.record.Namespace == "" {
		o.Converged = true
		return o
	}
	o.Address, o.Preview = s.addresses()
	shares := s.shares()
	known := map[string]bool{}
	ready, wanted := 0, 0
	var notes []string
	for _, t := range s.tracks {
		known[trackHash(t.track.ID)] = true
		seen := s.observeTrack(t, shares)
		ready, wanted = ready+seen.Ready, wanted+seen.Wanted
		if f := s.failureOf(t, seen); f != nil && (o.Failure == nil || f.Terminal && !o.Failure.Terminal) && !o.Converged {
			o.Failure = f
		}
		o.Tracks = append(o.Tracks, seen)
		o.Tracks = append(o.Tracks, s.strangers(t)...)
	}
	o.Tracks = append(o.Tracks, s.leftovers(known, shares)...)
	for i := range o.Tracks {
		if n := o.Tracks[i].Draining; n > 0 {
			notes = append(notes, fmt.Sprintf("%d of %s finish their work", n, o.Tracks[i].Version))
		}
	}
	notes = append(notes, s.notes()...)
	if s.gateway() != nil && !o.Converged && o.Failure == nil {
		if _, complaint := s.gatewaySays(); complaint != "" {
			o.Failure = &deployers.Failure{Reason: complaint}
		}
	}
	o.Message = strings.Join(append([]string{fmt.Sprintf("%d of %d ready", ready, wanted)}, notes...), "; ")
	return o
}

// notes are what people should know of traffic and of changes by hand.
func (s *snapshot) notes() []string {
	var notes []string
	shares := s.shares()
	if s.kind() == kindRollout {
		notes = append(notes, s.rolloutNotes()...)
	}
	notes = append(notes, s.endpointNotes()...)
	if s.beside {
		notes = append(notes, fmt.Sprintf("it runs beside the pods of %s until these have had no requests for a while", s.record.Adopted.Workload))
	}
	for _, t := range s.tracks {
		if hostsAll(s.kind()) && t != s.lead() {
			continue
		}
		if live := s.workloads[t.workload.GetName()]; live != nil && s.record.Settled == s.record.Generation {
			if image := imagesOf(live)[t.container]; image != t.image {
				notes = append(notes, fmt.Sprintf("somebody changed the image of %s to %s", live.GetName(), image))
			} else if n := replicasOf(live); n != int64(t.track.Replicas) && (len(s.tracks) == 1 || !hostsAll(s.kind())) {
				notes = append(notes, fmt.Sprintf("somebody changed the replicas of %s to %d", live.GetName(), n))
			}
		}
		if share := shares[trackHash(t.track.ID)]; len(s.tracks) > 1 && s.followsReplicas(t) && s.allReady() && share != t.track.Weight {
			notes = append(notes, fmt.Sprintf("%s gets %d %% of the traffic, not %d %%: it follows the replicas", t.track.Version, share, t.track.Weight))
		}
	}
	return notes
}

// followsReplicas: the share of a track is that of its replicas.
func (s *snapshot) followsReplicas(t *rendered) bool {
	if hostsAll(s.kind()) {
		return true
	}
	return s.gateway() == nil && s.routed() && t.main != nil
}

func (s *snapshot) addresses() (main, preview string) {
	if hostsAll(s.kind()) {
		return s.addressesInPlace()
	}
	if g := s.gateway(); g != nil {
		main = cmp.Or(fillTarget(g.Address, s.record.Target), "http://"+fillTarget(g.Hostname, s.record.Target))
	} else {
		main = address(s.liveMain())
	}
	return main, address(s.services[s.previewName()])
}

func (s *snapshot) observeTrack(t *rendered, shares map[string]int) deployers.ObservedTrack {
	hash := trackHash(t.track.ID)
	seen := deployers.ObservedTrack{ID: t.track.ID, Version: t.track.Version, Wanted: s.wanted(t), Weight: shares[hash]}
	for _, p := range s.ready(t) {
		if seen.Ready == seen.Wanted { // a copy of it, until it is at home
			break
		}
		seen.Ready++
		if port := t.port(); port > 0 && p.Status.PodIP != "" {
			seen.Addresses = append(seen.Addresses, podAddress(p, port))
		}
	}
	seen.Message = fmt.Sprintf("%d of %d ready", seen.Ready, seen.Wanted)
	if seen.Ready < seen.Wanted {
		if said := s.trouble(t).text; said != "" {
			seen.Message += ": " + said
		}
	}
	s.drain(&seen, hash)
	return seen
}

func podAddress(p *corev1.Pod, port int64) string {
	ip := p.Status.PodIP
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	return "http://" + ip + ":" + strconv.FormatInt(port, 10)
}

// port of the container that single replicas answer at.
func (t *rendered) port() int64 {
	if t.config.Port > 0 {
		return int64(t.config.Port)
	}
	for _, c := range containers(child(child(child(t.workload.DeepCopy().Object, "spec"), "template"), "spec")) {
		if ports, ok := c["ports"].([]any); ok && c["name"] == t.container && len(ports) > 0 {
			port, _ := ports[0].(map[string]any)
			switch n := port["containerPort"].(type) {
			case int64:
				return n
			case float64:
				return int64(n)
			}
		}
	}
	return 0
}

// drain counts the pods that finish what they have begun, and says how long they
// may take at most.
func (s *snapshot) drain(seen *deployers.ObservedTrack, hash string) {
	var last time.Time
	for _, p := range s.podsOf(hash) {
		until := s.keptUntil(p)
		if leaving(p) {
			until = p.DeletionTimestamp.Time
		}
		if until.IsZero() || !leaving(p) && seen.Wanted > 0 {
			continue
		}
		seen.Draining++
		if until.After(last) {
			last = until
		}
	}
	if seen.Draining == 0 {
		return
	}
	text := fmt.Sprintf("%d finishes its work", seen.Draining)
	if seen.Draining > 1 {
		text = fmt.Sprintf("%d finish their work", seen.Draining)
	}
	if rest := time.Until(last).Round(time.Second); rest > 0 {
		text += ", at most " + rest.String() + " more"
	}
	if seen.Message != "" {
		text = seen.Message + "; " + text
	}
	seen.Message = text
}
