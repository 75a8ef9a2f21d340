package kubernetes

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// TestConformance runs with a gateway: exact weights, and requests picked by what
// they carry, need one. What a plain Service does is in traffic_test.go.
func TestConformance(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	deployertest.Run(t, deployertest.Harness{
		New: func(t deployertest.T, log *slog.Logger) deployertest.Subject {
			d := w.deployer(t, log)
			s := deployertest.Subject{
				Deployer: d,
				Restart: func(t deployertest.T) deployers.Deployer {
					closeDeployer(t, d)
					d = w.deployer(t, log)
					return d
				},
				Ask: func(ctx context.Context, address string, header http.Header) (deployertest.Answer, error) {
					a, err := w.ask(ctx, address, header)
					return deployertest.Answer{Version: a["version"], Instance: a["instance"]}, err
				},
				Instances: w.instances,
				LetGo:     w.letGo,
			}
			if w.Dir != "" { // the notes of pods elsewhere cannot be read
				s.Ended = func(_ context.Context, target deployers.Target) (int, int, error) {
					finished, cut := w.ended(target)
					return finished, cut, nil
				}
			}
			return s
		},
		Release: func(t deployertest.T, kind deployertest.Kind, version string) deployers.Track {
			more := map[string]any{"gateway": map[string]any{"name": "front", "hostname": "${name}.test"}}
			mode := map[deployertest.Kind]string{deployertest.Good: "good", deployertest.NeverReady: "never-ready", deployertest.Exits: "exits", deployertest.Lingers: "lingers"}[kind]
			if kind == deployertest.Lingers {
				more["stopTimeout"] = "10m"
			}
			return w.track(t, mode, version, more)
		},
		Lingers: true,
		BadConfig: json.RawMessage(`{"namespace":"Billing!","replicas":0,"workload":"a","manifests":"kind: Pod","port":70000,"drain":"soon","color":1,
			"shares":"some","stopTimeout":"0s","progressDeadline":5,"gateway":{"name":"","kind":1}}`),
		BadPaths: []string{"namespace", "replicas", "workload", "manifests", "port", "drain", "color", "shares", "stopTimeout",
			"progressDeadline", "gateway.name", "gateway.kind", "gateway.hostname"},
		Wait: 3 * time.Minute,
	})
}
