package kubetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// RolloutsAPI installs the definitions of Argo Rollouts, whose controller waits
// for them. In a cluster elsewhere its controller has to be there already.
func (c *Cluster) RolloutsAPI(ctx context.Context) error {
	top, err := root()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-json", "github.com/argoproj/argo-rollouts")
	cmd.Dir = filepath.Join(top, "deployers/kubernetes/kubetest/testdata/rollouts")
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("find the definitions of Argo Rollouts: %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "manifests/crds/*-crd.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no definitions of Argo Rollouts in %s: %w", module.Dir, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := c.Apply(ctx, "", strings.TrimSpace(string(data))); err != nil {
			return err
		}
	}
	return c.every(ctx, "rollouts", func() error {
		_, err := c.In("default", "argoproj.io/v1alpha1", "Rollout").List(ctx, metav1.ListOptions{})
		return err
	})
}

// RolloutStatus says how a Rollout is, and at which of its steps.
func (c *Cluster) RolloutStatus(ctx context.Context, namespace, name string) (phase string, step int64, err error) {
	u, err := c.In(namespace, "argoproj.io/v1alpha1", "Rollout").Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", 0, err
	}
	phase, _, _ = unstructured.NestedString(u.Object, "status", "phase")
	step, _, _ = unstructured.NestedInt64(u.Object, "status", "currentStepIndex")
	return phase, step, nil
}
