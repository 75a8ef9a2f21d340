package process

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

func TestConformance(t *testing.T) {
	t.Parallel()
	artifacts := t.TempDir()
	deployertest.Run(t, deployertest.Harness{
		New: func(t deployertest.T, log *slog.Logger) deployertest.Subject {
			f := newFixture(t, log)
			return deployertest.Subject{
				Deployer: f.Deployer,
				Restart: func(t deployertest.T) deployers.Deployer {
					f.restart(t)
					return f.Deployer
				},
				Ask: func(ctx context.Context, address string, header http.Header) (deployertest.Answer, error) {
					a, err := askWith(ctx, address, header)
					return deployertest.Answer{Version: a.Version, Instance: a.Instance}, err
				},
				Instances: func(_ context.Context, target deployers.Target) ([]string, error) {
					return f.instances(target), nil
				},
				LetGo: func(context.Context, deployers.Target) error {
					f.letGo(t)
					return nil
				},
				Ended: func(_ context.Context, target deployers.Target) (int, int, error) {
					finished, cut := f.ended(target)
					return finished, cut, nil
				},
			}
		},
		Release: func(t deployertest.T, kind deployertest.Kind, version string) deployers.Track {
			mode := map[deployertest.Kind]string{deployertest.NeverReady: "never-ready", deployertest.Exits: "exit", deployertest.Lingers: "lingers"}[kind]
			return release(t, artifacts, version, mode)
		},
		Lingers: true,
		Forgets: true,
		BadConfig: json.RawMessage(`{"replicas":0,"command":"run","port":70000,"previewPort":-1,"drain":"soon","color":1,
			"readiness":{"path":"healthz","expect":"ok","every":1},"env":{"PORT":"1"}}`),
		BadPaths: []string{"replicas", "command", "port", "previewPort", "drain", "color", "readiness.path", "readiness.expect", "readiness.every", "env.PORT"},
		Wait:     60 * time.Second,
	})
}
