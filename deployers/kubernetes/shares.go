package kubernetes

import (
	"maps"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
)

// shares says how much of the traffic each track gets now, in percent.
func (s *snapshot) shares() map[string]int {
	switch {
	case s.gateway() != nil:
		return s.gatewayShares()
	case s.kind() == kindRollout:
		return s.rolloutShares()
	case hostsAll(s.kind()):
		return s.replicaShares(nil)
	}
	now := selectorOf(s.liveMain())
	if now == nil {
		return map[string]int{}
	}
	return s.replicaShares(now)
}

// replicaShares are those of the ready pods that a selector picks by their track.
func (s *snapshot) replicaShares(now map[string]string) map[string]int {
	counts, order := map[string]int{}, []string{}
	for i := range s.pods {
		p := &s.pods[i]
		hash := p.Labels[labelTrack]
		if !isReady(p) || now[labelTrack] != "" && now[labelTrack] != hash {
			continue
		}
		if counts[hash]++; counts[hash] == 1 {
			order = append(order, hash)
		}
	}
	if theirs := s.theirs(); theirs != nil && now[labelTrack] == "" {
		counts[""], order = readyIn(theirs), append(order, "")
	}
	return percent(counts, order)
}

// liveMain is the main Service as it is; without tracks, any of the target's.
func (s *snapshot) liveMain() *unstructured.Unstructured {
	if main := s.main(); main != nil {
		return s.services[main.GetName()]
	}
	for _, u := range s.services {
		if u.GetLabels()[labelRole] == "service" {
			return u
		}
	}
	return nil
}

// percent rounds so that the sum stays 100: what is missing goes to those that
// lost most.
func percent(counts map[string]int, order []string) map[string]int {
	total := 0
	for _, n := range counts {
		total += n
	}
	out := map[string]int{}
	if total == 0 {
		return out
	}
	left, rest := 100, maps.Clone(counts)
	for hash, n := range counts {
		out[hash], rest[hash] = 100*n/total, 100*n%total
		left -= out[hash]
	}
	for ; left > 0; left-- {
		best := ""
		for _, hash := range order {
			if best == "" || rest[hash] > rest[best] {
				best = hash
			}
		}
		out[best]++
		rest[best] = -1
	}
	return out
}

// address is where a Service answers inside the cluster.
func address(u *unstructured.Unstructured) string {
	if u == nil || u.GetDeletionTimestamp() != nil {
		return ""
	}
	ip, _, _ := unstructured.NestedString(u.Object, "spec", "clusterIP")
	ports, _, _ := unstructured.NestedSlice(u.Object, "spec", "ports")
	if ip == "" || ip == "None" || len(ports) == 0 {
		return ""
	}
	port, ok := ports[0].(map[string]any)
	if !ok {
		return ""
	}
	number, _ := port["port"].(int64)
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	return "http://" + ip + ":" + strconv.FormatInt(number, 10)
}

// fillTarget fills a target's words into a name.
func fillTarget(text string, t deployers.Target) string {
	out, _ := fill(text, map[string]string{
		"service": t.Service, "environment": t.Environment, "site": t.Site, "name": targetName(t),
	}).(string)
	return out
}
