package kubernetes

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The first release of an adopted workload ends pods that Slipway did not make.
// Without a preStop they get SIGTERM while proxies may still send them requests,
// and giving them one would be a roll-out that ends them just so. Where Slipway
// moves the traffic of a Service, the release therefore begins beside them and
// takes the traffic, and comes home once they have had none for as long as a
// preStop would have waited.

// strangersAtHome: the pods of the adopted workload are its team's own.
func (s *snapshot) strangersAtHome() bool {
	if s.record.Adopted == nil || len(s.tracks) != 1 {
		return false
	}
	live := s.workloads[s.record.Adopted.Workload]
	return live != nil && live.GetLabels()[labelTrack] == "" && replicasOf(live) > 0
}

// theirs is the adopted Deployment as long as no release is at home in it.
func (s *snapshot) theirs() *unstructured.Unstructured {
	if hostsAll(s.kind()) || !s.strangersAtHome() {
		return nil
	}
	return s.workloads[s.record.Adopted.Workload]
}

func readyIn(u *unstructured.Unstructured) int {
	n, _, _ := unstructured.NestedInt64(u.Object, "status", "readyReplicas")
	return int(n)
}

// abrupt: they have no preStop where Slipway's own would have one.
func (s *snapshot) abrupt(t *rendered) bool {
	live := s.workloads[s.record.Adopted.Workload]
	spec, _, _ := unstructured.NestedMap(live.Object, "spec", "template", "spec")
	for _, c := range containers(spec) {
		if lifecycle, _ := c["lifecycle"].(map[string]any); c["name"] == t.container && lifecycle["preStop"] != nil {
			return false
		}
	}
	return t.config.Drain > 0
}

// oneAtATime: whoever made the workload wants no two releases of it at once.
func (s *snapshot) oneAtATime() bool {
	how, _, _ := unstructured.NestedString(s.workloads[s.record.Adopted.Workload].Object, "spec", "strategy", "type")
	return how == "Recreate"
}

// beginsBeside: the first release is to run beside what it replaces, and does not
// come home yet.
func (s *snapshot) beginsBeside() bool {
	if s.theirs() == nil || s.record.Adopted.Service == "" || s.oneAtATime() {
		return false
	}
	t := s.tracks[0]
	return t.track.Weight > 0 && s.abrupt(t)
}

// leftInPeace: for long enough, all traffic has gone to the track alone.
func (s *snapshot) leftInPeace(t *rendered) bool {
	now := selectorOf(s.services[s.record.Adopted.Service])
	return now[labelTrack] == trackHash(t.track.ID) && s.strays() == 0 && s.settledFor >= time.Duration(max(t.config.Settle, t.config.Drain))
}

// firstWords tell people who approve what becomes of pods that Slipway did not make.
func (s *snapshot) firstWords() []string {
	if !s.strangersAtHome() || !s.abrupt(s.tracks[0]) {
		return nil
	}
	t, a := s.tracks[0], s.record.Adopted
	if s.beginsBeside() {
		return []string{fmt.Sprintf("The pods of %s %s have no preStop: this first release starts beside them, takes the traffic of Service %s and comes home after %s. Meanwhile there are twice as many pods.",
			s.kind(), a.Workload, a.Service, time.Duration(max(t.config.Settle, t.config.Drain)))}
	}
	advice := "give the workload a preStop before its first release"
	if !hostsAll(s.kind()) && !s.oneAtATime() {
		advice += ", or name its Service in the config"
	}
	return []string{fmt.Sprintf("Warning: the pods of %s %s have no preStop, so a few requests may fail while this first release ends them. To lose none, %s.", s.kind(), a.Workload, advice)}
}

// giveServiceBack has the Service find all of the adopted workload's pods again.
func (s *snapshot) giveServiceBack(ctx context.Context) error {
	u := s.services[s.record.Adopted.Service]
	if selectorOf(u)[labelTrack] == "" {
		return nil
	}
	return s.merge(ctx, servicesResource(), u, map[string]any{"spec": map[string]any{"selector": map[string]any{labelTrack: nil}}})
}
