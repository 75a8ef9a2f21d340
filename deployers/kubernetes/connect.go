package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/deployers"
)

// The resources that the deployer touches, and no others: docs/kubernetes-role.yaml
// allows just these.
func deploymentsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}
func rolloutsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}
}
func statefulSetsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
}
func replicaSetsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
}
func podsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "pods"}
}
func servicesResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "services"}
}
func slicesResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
}
func configMapsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
}
func secretsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
}
func routesResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
}

// cluster is a connection to one cluster.
type cluster struct {
	name    string
	dynamic dynamic.Interface
	core    rest.Interface // for the logs of pods
}

// callTimeout bounds every single call; a context may end it sooner.
const callTimeout = 30 * time.Second

// cluster connects to a context of the kubeconfig, or to the default: the
// cluster that Slipway runs in, or the current context. A kubeconfig may hold a
// token, a certificate or a plugin; rotated tokens are read anew by client-go.
func (d *Deployer) cluster(name string) (*cluster, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.clusters[name]; c != nil {
		return c, nil
	}
	config, err := d.restConfig(name)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst, config.Timeout, config.UserAgent = 100, 200, callTimeout, "slipway"
	c := &cluster{name: name}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	config.GroupVersion, config.APIPath = &schema.GroupVersion{Version: "v1"}, "/api"
	config.NegotiatedSerializer = serializer.WithoutConversionCodecFactory{CodecFactory: serializer.NewCodecFactory(runtime.NewScheme())}
	if c.core, err = rest.RESTClientFor(config); err != nil {
		return nil, err
	}
	d.clusters[name] = c
	return c, nil
}

func (d *Deployer) restConfig(name string) (*rest.Config, error) {
	if name == "" && d.options.Kubeconfig == "" {
		if config, err := rest.InClusterConfig(); err == nil || !errors.Is(err, rest.ErrNotInCluster) {
			return config, err
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if d.options.Kubeconfig != "" {
		rules.ExplicitPath = d.options.Kubeconfig
	}
	loaded := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: name})
	config, err := loaded.ClientConfig()
	if err != nil {
		where := "the current context of the kubeconfig"
		if name != "" {
			where = fmt.Sprintf("cluster %q, a context of the kubeconfig", name)
		}
		return nil, fmt.Errorf("no way to %s: %w; set KUBECONFIG for the portal, or run it in the cluster", where, err)
	}
	return config, nil
}

func (c *cluster) in(r schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	return c.dynamic.Resource(r).Namespace(namespace)
}

// get returns nil for what is not there.
func (c *cluster) get(ctx context.Context, r schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := c.in(r, namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // that nothing is there is an answer here
	}
	return u, plain(err)
}

// apply makes an object so by server-side apply. seen is what was read before:
// with it, whoever wrote in between makes this a conflict, which is the fence
// against an old process; nil where nothing was there.
func (c *cluster) apply(ctx context.Context, r schema.GroupVersionResource, want, seen *unstructured.Unstructured) error {
	want = want.DeepCopy()
	if seen != nil {
		want.SetResourceVersion(seen.GetResourceVersion())
		want.SetUID(seen.GetUID())
	}
	_, err := c.in(r, want.GetNamespace()).Apply(ctx, want.GetName(), want, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return plain(err)
}

// remove deletes exactly the object that was seen. What it started is ended by
// the cluster, with all the time that its pods ask for.
func (c *cluster) remove(ctx context.Context, r schema.GroupVersionResource, seen *unstructured.Unstructured) error {
	uid, version, background := seen.GetUID(), seen.GetResourceVersion(), metav1.DeletePropagationBackground
	err := c.in(r, seen.GetNamespace()).Delete(ctx, seen.GetName(), metav1.DeleteOptions{
		PropagationPolicy: &background, Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return plain(err)
}

// plain marks what a retry cannot mend, and says what to do about it.
func plain(err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("the cluster refused it; check Slipway's role or the quota of the namespace: %w", err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return deployers.Terminal(err)
	}
	return err
}
