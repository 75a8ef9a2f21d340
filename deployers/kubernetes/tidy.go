package kubernetes

import (
	"context"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// removeAll is the end of the target.
func (s *snapshot) removeAll(ctx context.Context) error {
	if s.record.Adopted != nil {
		if err := s.release(ctx); err != nil {
			return err
		}
	}
	for _, kind := range []struct {
		resource schema.GroupVersionResource
		objects  map[string]*unstructured.Unstructured
	}{
		{routesResource(), s.routes}, {servicesResource(), s.services}, {workloadResource(s.kind()), s.workloads}, {configMapsResource(), s.configMaps},
	} {
		for _, u := range kind.objects {
			if u.GetDeletionTimestamp() != nil || s.isAdopted(u.GetName()) {
				continue
			}
			if err := s.cluster.remove(ctx, kind.resource, u); err != nil && !apierrors.IsConflict(err) {
				return err
			}
		}
	}
	return nil
}

// isAdopted reports whether an object was there before Slipway.
func (s *snapshot) isAdopted(name string) bool {
	return s.isHome(name) || s.record.Adopted != nil && s.record.Adopted.Service == name
}

// somethingIsLeft of what Slipway started.
func (s *snapshot) somethingIsLeft() bool {
	for name := range s.workloads {
		if !s.isHome(name) {
			return true
		}
	}
	return slices.ContainsFunc(s.pods, func(p corev1.Pod) bool { return !s.isHome(workloadOf(&p)) })
}

// tidy removes what belonged to tracks of which nothing runs any more, and says
// whether something is left for later.
func (s *snapshot) tidy(ctx context.Context, d *Deployer) (left bool, err error) {
	alive := s.alive()
	busy := map[string]bool{}
	for i := range s.pods {
		busy[s.pods[i].Labels[labelTrack]] = true
	}
	for resource, objects := range map[schema.GroupVersionResource]map[string]*unstructured.Unstructured{
		configMapsResource(): s.configMaps, servicesResource(): s.services,
	} {
		for _, u := range objects {
			hash := u.GetLabels()[labelTrack]
			if hash == "" || alive[hash] {
				continue
			}
			if left = left || busy[hash]; busy[hash] {
				continue
			}
			if err := s.cluster.remove(ctx, resource, u); err != nil {
				return true, err
			}
		}
	}
	later, err := s.tidySecrets(ctx, d, alive, busy)
	return left || later, err
}

// untidy reports whether there is something for tidy to remove, now or later.
func (s *snapshot) untidy() bool {
	alive := s.alive()
	for _, objects := range []map[string]*unstructured.Unstructured{s.configMaps, s.services} {
		for _, u := range objects {
			if hash := u.GetLabels()[labelTrack]; hash != "" && !alive[hash] {
				return true
			}
		}
	}
	return slices.ContainsFunc(s.record.Secrets, func(name string) bool { return !alive[hashOfSecret(name)] })
}

func (s *snapshot) alive() map[string]bool {
	alive := map[string]bool{}
	for _, t := range s.tracks {
		alive[trackHash(t.track.ID)] = true
	}
	return alive
}

func hashOfSecret(name string) string { return name[strings.LastIndex(name, "-")+1:] }

// tidySecrets removes Secrets of tracks that are gone. One that a newer wish has
// just written, and not yet recorded, is left alone: its generation is newer, and
// its version another than the one that was read.
func (s *snapshot) tidySecrets(ctx context.Context, d *Deployer, alive, busy map[string]bool) (left bool, err error) {
	var keep []string
	for _, name := range s.record.Secrets {
		hash := hashOfSecret(name)
		if alive[hash] || busy[hash] {
			keep, left = append(keep, name), left || !alive[hash]
			continue
		}
		u, err := s.cluster.get(ctx, secretsResource(), s.record.Namespace, name)
		if err != nil {
			return true, err
		}
		if u == nil {
			continue
		}
		if g, _ := strconv.ParseInt(u.GetAnnotations()[annotationGeneration], 10, 64); g > s.record.Generation {
			keep = append(keep, name)
			continue
		}
		if err := s.cluster.remove(ctx, secretsResource(), u); err != nil {
			return true, err
		}
	}
	if len(keep) == len(s.record.Secrets) {
		return left, nil
	}
	s.record.Secrets = keep
	return left, d.writeRecord(ctx, s.record)
}
