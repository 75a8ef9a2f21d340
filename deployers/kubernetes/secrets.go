package kubernetes

import (
	"context"
	"encoding/base64"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
)

func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// keepSecrets writes the values of each track into a Secret of its own, before
// the record names it. The same track has the same values, so writing them again
// changes nothing.
func (d *Deployer) keepSecrets(ctx context.Context, r *record, desired deployers.Desired) error {
	for _, t := range desired.Tracks {
		if len(t.Secrets) == 0 {
			continue
		}
		c, err := d.cluster(r.Cluster)
		if err != nil {
			return err
		}
		data := map[string]any{}
		for key, value := range t.Secrets {
			data[key] = base64.StdEncoding.EncodeToString([]byte(value.Reveal()))
		}
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data}}
		u.SetName(secretName(r.Target, t.ID))
		u.SetNamespace(r.Namespace)
		u.SetLabels(map[string]string{labelTarget: targetHash(r.Target), labelTrack: trackHash(t.ID), labelRole: "secret"})
		u.SetAnnotations(map[string]string{
			annotationTarget: r.Target.String(), annotationVersion: t.Version, annotationGeneration: strconv.FormatInt(r.Generation, 10),
		})
		if err := c.apply(ctx, secretsResource(), u, nil); err != nil {
			return redactError(err, t.Secrets)
		}
	}
	return nil
}

// redactError keeps values out of what the API server says about them.
func redactError(err error, secrets map[string]deployers.Secret) error {
	var values []string
	for _, s := range secrets {
		values = append(values, s.Reveal())
	}
	if masked := deployers.NewHider(values).Hide(err.Error()); masked != err.Error() {
		return maskedError{masked, deployers.IsTerminal(err)}.mark()
	}
	return err
}

type maskedError struct {
	text     string
	terminal bool
}

func (e maskedError) Error() string { return e.text }

func (e maskedError) mark() error {
	if e.terminal {
		return deployers.Terminal(e)
	}
	return e
}

// hiderOf knows the values of all the target's secrets.
func (s *snapshot) hiderOf(ctx context.Context) (deployers.Hider, error) {
	var values []string
	for _, name := range s.record.Secrets {
		u, err := s.cluster.get(ctx, secretsResource(), s.record.Namespace, name)
		if err != nil {
			return deployers.Hider{}, err
		}
		if u == nil {
			continue
		}
		data, _, _ := unstructured.NestedStringMap(u.Object, "data")
		for _, encoded := range data {
			if value, err := base64.StdEncoding.DecodeString(encoded); err == nil {
				values = append(values, string(value))
			}
		}
	}
	return deployers.NewHider(values), nil
}
