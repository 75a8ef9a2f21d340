package kubetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// Resource says where objects of a kind are found.
func Resource(apiVersion, kind string) schema.GroupVersionResource {
	gv, _ := schema.ParseGroupVersion(apiVersion)
	plural := strings.ToLower(kind) + "s"
	switch {
	case strings.HasSuffix(kind, "s"):
		plural = strings.ToLower(kind) + "es"
	case strings.HasSuffix(kind, "cy"):
		plural = strings.ToLower(strings.TrimSuffix(kind, "y")) + "ies"
	}
	return gv.WithResource(plural)
}

func global(kind string) bool {
	return kind == "Namespace" || kind == "CustomResourceDefinition" || kind == "GatewayClass" || kind == "PriorityClass" ||
		strings.HasPrefix(kind, "ValidatingAdmissionPolicy")
}

// In is the client for one kind of objects in a namespace.
func (c *Cluster) In(namespace, apiVersion, kind string) dynamic.ResourceInterface {
	client := c.Dynamic.Resource(Resource(apiVersion, kind))
	if global(kind) {
		return client
	}
	return client.Namespace(namespace)
}

// Apply makes what a YAML text says so, as the administrator. Objects without a
// namespace are put into the one that is given.
func (c *Cluster) Apply(ctx context.Context, namespace, text string) error {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		u := &unstructured.Unstructured{}
		asJSON, err := yaml.YAMLToJSON(doc)
		if err != nil {
			return err
		}
		if string(asJSON) == "null" {
			continue
		}
		if err := json.Unmarshal(asJSON, &u.Object); err != nil {
			return err
		}
		if u.GetNamespace() == "" && !global(u.GetKind()) {
			u.SetNamespace(namespace)
		}
		client := c.In(u.GetNamespace(), u.GetAPIVersion(), u.GetKind())
		data, err := json.Marshal(u.Object)
		if err != nil {
			return err
		}
		force := true
		if _, err := client.Patch(ctx, u.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: "kubetest", Force: &force}); err != nil {
			return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
}

// ServiceAccount writes a kubeconfig for a service account and returns its path,
// which Close removes.
func (c *Cluster) ServiceAccount(ctx context.Context, namespace, name string) (string, error) {
	if c.dir == "" {
		var err error
		if c.dir, err = os.MkdirTemp("", "slipway-k8s-"); err != nil {
			return "", err
		}
	}
	request := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"expirationSeconds": int64(7200)},
	}}
	answer, err := c.In(namespace, "v1", "ServiceAccount").Create(ctx, request, metav1.CreateOptions{}, "token")
	if err != nil {
		return "", err
	}
	token, _, _ := unstructured.NestedString(answer.Object, "status", "token")
	data, err := os.ReadFile(c.Kubeconfig)
	if err != nil {
		return "", err
	}
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		return "", err
	}
	config["users"] = []any{map[string]any{"name": name, "user": map[string]any{"token": token}}}
	contexts, _ := config["contexts"].([]any)
	for _, one := range contexts {
		if entry, ok := one.(map[string]any); ok {
			if context, ok := entry["context"].(map[string]any); ok {
				context["user"] = name
			}
		}
	}
	if data, err = yaml.Marshal(config); err != nil {
		return "", err
	}
	path := filepath.Join(c.dir, name+".kubeconfig")
	return path, os.WriteFile(path, data, 0o600)
}

// gatewayAPI is the version of the Gateway API's definitions.
const gatewayAPI = "sigs.k8s.io/gateway-api@v1.6.3"

// GatewayAPI installs the definitions of Gateway and HTTPRoute.
func (c *Cluster) GatewayAPI(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", gatewayAPI)
	cmd.Dir = os.TempDir() // outside of every module
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("download %s: %w", gatewayAPI, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	for _, name := range []string{"gatewayclasses", "gateways", "httproutes"} {
		data, err := os.ReadFile(filepath.Join(module.Dir, "config/crd/standard/gateway.networking.k8s.io_"+name+".yaml"))
		if err != nil {
			return err
		}
		if err := c.Apply(ctx, "", string(data)); err != nil {
			return err
		}
	}
	return c.every(ctx, "routes", func() error {
		_, err := c.In("default", "gateway.networking.k8s.io/v1", "HTTPRoute").List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			return errors.New("the definitions are not served yet")
		}
		return err
	})
}

// Images counts the images of a namespace's pods whose names contain a text, of
// those that are not leaving.
func (c *Cluster) Images(ctx context.Context, namespace, name string) (map[string]int, error) {
	pods, err := c.In(namespace, "v1", "Pod").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for _, pod := range pods.Items {
		if pod.GetDeletionTimestamp() != nil || !strings.Contains(pod.GetName(), name) {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
		for _, one := range containers {
			if container, ok := one.(map[string]any); ok {
				found[fmt.Sprint(container["image"])]++
			}
		}
	}
	return found, nil
}
