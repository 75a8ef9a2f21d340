package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
)

// trouble is why a replica does not serve, in plain words.
type trouble struct {
	text  string
	final bool        // waiting cannot help
	bad   bool        // something is wrong, rather than on its way
	pod   *corev1.Pod // that has something to say in its log
}

// maxExits: after so many a release that was never ready is given up.
const maxExits = 3

// trouble looks at the pods of a track, and at the cluster's refusals to make
// them.
func (s *snapshot) trouble(t *rendered) trouble {
	worst := trouble{}
	for _, p := range s.podsOf(trackHash(t.track.ID)) {
		if leaving(p) || isReady(p) {
			continue
		}
		if one := podTrouble(p, t.container); worst.text == "" || one.bad && !worst.bad || one.final && !worst.final {
			worst = one
		}
	}
	if refused := refusal(s.workloads[t.workload.GetName()]); refused != "" && !worst.bad {
		worst = trouble{text: refused, bad: true}
	}
	return worst
}

func refusal(deployment *unstructured.Unstructured) string {
	_, message := condition(deployment, "ReplicaFailure")
	if message == "" {
		return ""
	}
	if strings.Contains(message, "exceeded quota") {
		return "the quota of the namespace is used up: " + message
	}
	return "the cluster refuses its pods: " + message
}

// condition gives the reason and message of a condition that holds.
func condition(u *unstructured.Unstructured, kind string) (reason, message string) {
	if u == nil {
		return "", ""
	}
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, one := range list {
		c, _ := one.(map[string]any)
		if c["type"] == kind && (c["status"] == "True" || kind == "Progressing") {
			reason, _ = c["reason"].(string)
			message, _ = c["message"].(string)
		}
	}
	return reason, message
}

func podTrouble(p *corev1.Pod, container string) trouble {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return trouble{text: "no node has room for it: " + c.Message, bad: true}
		}
	}
	for _, c := range append(append([]corev1.ContainerStatus{}, p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...) {
		if one := containerTrouble(p, c, c.Name != container); one.text != "" {
			return one
		}
	}
	return trouble{text: "it is being started"}
}

func containerTrouble(p *corev1.Pod, c corev1.ContainerStatus, named bool) trouble {
	who := ""
	if named {
		who = "container " + c.Name + ": "
	}
	ended := c.State.Terminated
	if ended == nil {
		ended = c.LastTerminationState.Terminated
	}
	waits := c.State.Waiting
	switch {
	case waits != nil && (waits.Reason == "ErrImagePull" || waits.Reason == "ImagePullBackOff"):
		return trouble{text: fmt.Sprintf("%sits image %s cannot be pulled: %s", who, c.Image, pullReason(cmp.Or(waits.Message, waits.Reason))), bad: true}
	case waits != nil && waits.Reason == "InvalidImageName":
		return trouble{text: fmt.Sprintf("%s%q is no name of an image", who, c.Image), bad: true, final: true}
	case waits != nil && (strings.HasPrefix(waits.Reason, "Create") || strings.HasPrefix(waits.Reason, "Run")):
		return trouble{text: who + "it cannot be started: " + cmp.Or(waits.Message, waits.Reason), bad: true}
	case ended != nil && c.State.Running == nil && ended.ExitCode != 0:
		how := fmt.Sprintf("exited with code %d", ended.ExitCode)
		if ended.Reason == "OOMKilled" {
			how = "used more memory than it may and was ended"
		}
		return trouble{text: fmt.Sprintf("%s%s, %s", who, how, times(int(c.RestartCount)+1)), bad: true, final: c.RestartCount+1 >= maxExits, pod: p}
	case c.State.Running != nil && !c.Ready:
		return trouble{text: who + "it runs, and its readiness check fails"}
	}
	return trouble{}
}

// pullReason keeps what matters of a message that repeats the image at every
// step on the way.
func pullReason(message string) string {
	low := strings.ToLower(message)
	switch {
	case strings.Contains(low, "denied"), strings.Contains(low, "unauthorized"), strings.Contains(low, "authorization"):
		return "the registry denies it; check the pull secret of the namespace"
	case strings.HasSuffix(low, "not found"):
		return "the registry does not have it"
	}
	parts := strings.Split(message, ": ")
	return strings.Join(parts[max(0, len(parts)-3):], ": ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// failureOf is the failure of a track, in whatever it runs.
func (s *snapshot) failureOf(t *rendered, seen deployers.ObservedTrack) *deployers.Failure {
	if s.kind() == kindRollout {
		return s.rolloutFailure(t, seen)
	}
	return s.failure(t, seen)
}

// failure says why a wanted track is not ready; nil while that is only a matter
// of time.
func (s *snapshot) failure(t *rendered, seen deployers.ObservedTrack) *deployers.Failure {
	if seen.Ready >= seen.Wanted {
		return nil
	}
	live := s.workloads[t.workload.GetName()]
	late := false
	if live != nil && live.GetAnnotations()[annotationContent] != "" {
		if result, err := status.Compute(live); err == nil && result.Status == status.FailedStatus {
			late = true
		}
		if reason, _ := condition(live, "Progressing"); reason == "ProgressDeadlineExceeded" {
			late = true
		}
	}
	if s.kind() == kindStatefulSet && s.settledFor >= time.Duration(t.config.ProgressDeadline) {
		late = true // it keeps no deadline of its own
	}
	why := s.trouble(t)
	text := fmt.Sprintf("version %s: %d of %d ready", t.track.Version, seen.Ready, seen.Wanted)
	if why.text != "" {
		text += ": " + why.text
	}
	switch {
	case late:
		return &deployers.Failure{Terminal: true, Reason: fmt.Sprintf("%s (no progress within %s)", text, time.Duration(t.config.ProgressDeadline))}
	case why.bad:
		return &deployers.Failure{Terminal: why.final && seen.Ready == 0, Reason: text}
	}
	return nil
}

// maxWords bounds what of a log stands in a reason.
const maxWords = 300

// lastWords adds what a crashed replica said last, without the values of secrets.
func (s *snapshot) lastWords(ctx context.Context, d *Deployer, o *deployers.Observed) {
	for _, t := range s.tracks {
		why := s.trouble(t)
		if why.pod == nil || !strings.Contains(o.Failure.Reason, why.text) {
			continue
		}
		hider, err := s.hiderOf(ctx)
		if err != nil {
			return
		}
		lines, err := s.podLog(ctx, why.pod.Name, t.container, 3, nil)
		if err != nil || len(lines) == 0 {
			return // the reason stands without it
		}
		var said []string
		for _, l := range lines {
			said = append(said, l.Text)
		}
		text := hider.Hide(strings.Join(said, " / "))
		if len(text) > maxWords {
			text = "…" + strings.ToValidUTF8(text[len(text)-maxWords:], "")
		}
		o.Failure.Reason += "; it said last: " + text
		return
	}
}
