package kubernetes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

// What Slipway writes on objects. The target and the track are labels, because
// Services select by them; the rest is for people and for the fence.
const (
	fieldManager = "slipway"

	labelTarget = "slipway.dev/target"
	labelTrack  = "slipway.dev/track"
	labelRole   = "slipway.dev/role" // of what is not a workload: record, service, preview, next, config

	annotationGeneration = "slipway.dev/generation"
	annotationTrack      = "slipway.dev/track-id"
	annotationVersion    = "slipway.dev/version"
	annotationContent    = "slipway.dev/content" // hash of the whole object as it was written
	annotationTarget     = "slipway.dev/target-name"
	annotationSelector   = "slipway.dev/original-selector"

	// labelRolloutHash is what a Rollout tells its ReplicaSets, pods and Services apart by.
	labelRolloutHash = "rollouts-pod-template-hash"

	labelServiceName = "kubernetes.io/service-name" // that an EndpointSlice belongs to

	noTrack = "none" // a label value that no pod has
)

func shortHash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:5])
}

func targetHash(t deployers.Target) string { return shortHash(t.Service, t.Environment, t.Site) }

func trackHash(id string) string { return shortHash("track", id) }

var notDNS = regexp.MustCompile(`[^a-z0-9-]+`)

// targetName is a name for people that no other target has.
func targetName(t deployers.Target) string {
	name := notDNS.ReplaceAllString(strings.ToLower(strings.TrimSuffix(t.Service+"-"+t.Environment+"-"+t.Site, "-")), "-")
	if name = strings.Trim(name, "-"); len(name) > 35 {
		name = strings.TrimRight(name[:35], "-")
	}
	return cmp.Or(name, "target") + "-" + targetHash(t)
}

// trackObject is the name of a track's own copy of an object.
func trackObject(name, track string) string {
	if len(name) > 52 {
		name = strings.TrimRight(name[:52], "-.")
	}
	return name + "-" + trackHash(track)
}

func recordName(t deployers.Target) string { return "slipway-target-" + targetHash(t) }

func secretName(t deployers.Target, track string) string {
	return "slipway-" + targetHash(t) + "-" + trackHash(track)
}
