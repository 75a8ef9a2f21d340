package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
)

// record is what was accepted for a target: a ConfigMap that every replica of
// Slipway shares. It is only ever written under the version that was read, so of
// two generations the newer one wins, whoever writes first.
type record struct {
	Target     deployers.Target `json:"target"`
	Generation int64            `json:"generation"`
	Cluster    string           `json:"cluster"`   // where the target runs;
	Namespace  string           `json:"namespace"` // empty until something is to run
	Tracks     []storedTrack    `json:"tracks"`
	// Settled is the newest generation that came true. From then on the deployer
	// changes nothing by itself, so that a change by hand is seen and not undone.
	Settled int64 `json:"settled"`
	// Secrets are the names of those that this target may have left.
	Secrets []string `json:"secrets,omitempty"`
	// Gateway: routes were made, so there may be some to look after.
	Gateway bool `json:"gateway,omitempty"`
	// Kind of the workload; empty until something is to run, and in old records.
	Kind string `json:"kind,omitempty"`
	// Lead is the track that a workload which hosts two is on its way to.
	Lead string `json:"lead,omitempty"`
	// Back: what is wanted leads back to what served before.
	Back bool `json:"back,omitempty"`
	// Adopted is the workload that was there before; nil with manifests.
	Adopted *adopted `json:"adopted,omitempty"`
	// Ending: Destroy has begun, so nothing is to be looked after any more.
	Ending bool `json:"ending,omitempty"`

	seen *unstructured.Unstructured // as it was read; nil before the first write
}

// storedTrack is a track without the values of its secrets.
type storedTrack struct {
	ID        string               `json:"id"`
	Version   string               `json:"version"`
	Weight    int                  `json:"weight"`
	Replicas  int                  `json:"replicas"`
	Match     []deployers.Match    `json:"match,omitempty"`
	Preview   bool                 `json:"preview,omitempty"`
	Artifacts []deployers.Artifact `json:"artifacts"`
	Config    json.RawMessage      `json:"config"`
	Env       map[string]string    `json:"env,omitempty"`
	Secrets   []string             `json:"secrets,omitempty"` // names only
}

func stored(t deployers.Track) storedTrack {
	return storedTrack{
		ID: t.ID, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas, Match: t.Match, Preview: t.Preview,
		Artifacts: t.Artifacts, Config: t.Config, Env: t.Env, Secrets: slices.Sorted(maps.Keys(t.Secrets)),
	}
}

const recordKey = "record.json"

// readRecord returns nil for a target that was never applied.
func (d *Deployer) readRecord(ctx context.Context, target deployers.Target) (*record, error) {
	home, err := d.cluster("")
	if err != nil {
		return nil, err
	}
	u, err := home.get(ctx, configMapsResource(), d.options.Namespace, recordName(target))
	if err != nil || u == nil {
		return nil, err
	}
	text, _, _ := unstructured.NestedString(u.Object, "data", recordKey)
	r := &record{seen: u}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("the record %s/%s of %s cannot be read: %w", d.options.Namespace, recordName(target), target, err)
	}
	if r.Target != target {
		return nil, fmt.Errorf("the record %s/%s is that of %s, not of %s", d.options.Namespace, recordName(target), r.Target, target)
	}
	return r, nil
}

// errOvertaken: somebody else wrote the record in between; read it again.
var errOvertaken = errors.New("the target's record was changed by somebody else meanwhile")

func (d *Deployer) writeRecord(ctx context.Context, r *record) error {
	home, err := d.cluster("")
	if err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{recordKey: string(text)}}}
	u.SetName(recordName(r.Target))
	u.SetNamespace(d.options.Namespace)
	u.SetLabels(map[string]string{labelRole: "record"})
	u.SetAnnotations(map[string]string{annotationTarget: r.Target.String(), annotationGeneration: strconv.FormatInt(r.Generation, 10)})
	client := home.in(configMapsResource(), d.options.Namespace)
	if r.seen == nil {
		u, err = client.Create(ctx, u, metav1.CreateOptions{FieldManager: fieldManager})
	} else {
		u.SetResourceVersion(r.seen.GetResourceVersion())
		u, err = client.Update(ctx, u, metav1.UpdateOptions{FieldManager: fieldManager})
	}
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), r.seen != nil && apierrors.IsNotFound(err):
		return errOvertaken
	case err != nil:
		return plain(err)
	}
	r.seen = u
	return nil
}

func (d *Deployer) removeRecord(ctx context.Context, r *record) error {
	home, err := d.cluster("")
	if err != nil {
		return err
	}
	err = home.remove(ctx, configMapsResource(), r.seen)
	if apierrors.IsConflict(err) {
		return errOvertaken
	}
	return err
}
