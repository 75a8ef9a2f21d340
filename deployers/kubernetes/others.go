package kubernetes

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

// strangers are ready pods of a track's workload that run another image: somebody
// changed it by hand.
func (s *snapshot) strangers(t *rendered) []deployers.ObservedTrack {
	found := map[string]*deployers.ObservedTrack{}
	for _, p := range s.podsOf(trackHash(t.track.ID)) {
		if leaving(p) || !t.foreign(p) {
			continue
		}
		image := imageIn(p, t.container)
		if found[image] == nil {
			found[image] = &deployers.ObservedTrack{ID: "image " + image, Version: image, Message: "not from a release: somebody changed " + t.workload.GetName()}
		}
		if isReady(p) {
			found[image].Ready++
		}
	}
	var out []deployers.ObservedTrack
	for _, image := range sortedKeys(found) {
		out = append(out, *found[image])
	}
	return out
}

// leftovers are tracks that run without being wanted: they serve until what is
// wanted is ready, or finish their work.
func (s *snapshot) leftovers(known map[string]bool, shares map[string]int) []deployers.ObservedTrack {
	found := map[string]*deployers.ObservedTrack{}
	add := func(hash string, annotations map[string]string) *deployers.ObservedTrack {
		if found[hash] == nil {
			found[hash] = &deployers.ObservedTrack{
				ID: annotations[annotationTrack], Version: annotations[annotationVersion], Weight: shares[hash],
			}
			s.drain(found[hash], hash)
		}
		return found[hash]
	}
	for i := range s.pods {
		if p := &s.pods[i]; !known[p.Labels[labelTrack]] {
			if one := add(p.Labels[labelTrack], p.Annotations); isReady(p) && !s.kept(p) {
				one.Ready++
			}
		}
	}
	theirs := s.theirs()
	for _, u := range s.workloads {
		if hash := u.GetLabels()[labelTrack]; !known[hash] && !hostsAll(s.kind()) && u != theirs {
			add(hash, u.GetAnnotations())
		}
	}
	var out []deployers.ObservedTrack
	if theirs != nil {
		image := imagesOf(theirs)[s.tracks[0].container]
		out = append(out, deployers.ObservedTrack{ID: "image " + image, Version: image, Ready: readyIn(theirs), Weight: shares[""],
			Message: "not from a release: it was there before the first one"})
	}
	for _, hash := range sortedKeys(found) {
		out = append(out, *found[hash])
	}
	slices.SortStableFunc(out, func(a, b deployers.ObservedTrack) int { return strings.Compare(a.Version, b.Version) })
	return out
}
