// Package kubetest gives tests a real Kubernetes: API server, controllers,
// scheduler, kubelet with containerd, kube-proxy, and Argo Rollouts, all of them in namespaces
// of their own, so that nothing of it is left when the test binary ends, however
// it ends. SLIPWAY_TEST_KUBECONFIG names another cluster to use instead.
package kubetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is a Kubernetes at work.
type Cluster struct {
	Kubeconfig string // path; its user may do anything
	Dir        string // a directory that pods can mount; empty in another cluster
	Dynamic    dynamic.Interface

	dir    string
	token  string
	alive  io.Closer
	ended  chan struct{}
	locked *os.File
	images map[string]Image
}

// ErrMissing: this machine lacks something that the cluster needs.
var ErrMissing = errors.New("no Kubernetes for tests here")

// readyWithin is generous: it takes ten seconds, on a busy machine a minute.
const readyWithin = 5 * time.Minute

// Start starts a cluster with the images of the test application, or uses that
// of SLIPWAY_TEST_KUBECONFIG, which has to have them. It returns once a node is
// ready. Close ends it, and so does the end of this process.
func Start(ctx context.Context) (*Cluster, error) {
	if path := os.Getenv("SLIPWAY_TEST_KUBECONFIG"); path != "" {
		return elsewhere(ctx, path)
	}
	cniBin, err := needs()
	if err != nil {
		return nil, err
	}
	kubernetes, err := binary(ctx, "kubernetes")
	if err != nil {
		return nil, err
	}
	rollouts, err := binary(ctx, "rollouts")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-k8s-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{Kubeconfig: filepath.Join(dir, "kubeconfig"), Dir: filepath.Join(dir, "shared"), dir: dir}
	if err := c.start(ctx, kubernetes, rollouts, cniBin); err != nil {
		err = fmt.Errorf("%w\n%s", err, c.logs())
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// elsewhere uses a cluster that is there. Its nodes need the images of the
// archive that this writes, by "kind load image-archive" for instance.
func elsewhere(ctx context.Context, kubeconfig string) (*Cluster, error) {
	top, err := root()
	if err != nil {
		return nil, err
	}
	c := &Cluster{Kubeconfig: kubeconfig, dir: filepath.Join(os.TempDir(), "slipway-test-images")}
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		return nil, err
	}
	archive, err := c.buildImages(ctx, top)
	c.dir = "" // the archive stays
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "kubetest: the nodes of %s need the images of %s\n", kubeconfig, archive)
	return c, c.connect()
}

// needs says where the network plugins are, or what is missing.
func needs() (cniBin string, err error) {
	var missing []string
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		missing = append(missing, "root on Linux")
	}
	for _, program := range []string{"etcd", "containerd", "ctr", "iptables", "conntrack", "unshare", "nsenter", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	for _, dir := range []string{"/usr/lib/cni", "/opt/cni/bin"} {
		if _, err := os.Stat(filepath.Join(dir, "bridge")); err == nil {
			cniBin = dir
		}
	}
	if cniBin == "" {
		missing = append(missing, "containernetworking-plugins")
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("%w: missing %s", ErrMissing, strings.Join(missing, ", "))
	}
	return cniBin, nil
}

// root is the root of the repository, by where this file lies.
func root() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", fmt.Errorf("%w: built without the paths of its sources", ErrMissing)
	}
	return filepath.Join(filepath.Dir(file), "../../.."), nil
}

// binary is the path of a server, built if need be.
func binary(ctx context.Context, name string) (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(top, ".ci/testbed"), name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (c *Cluster) start(ctx context.Context, kubernetes, rollouts, cniBin string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	network, err := c.network()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return err
	}
	if err := c.writeFiles(network, cniBin); err != nil {
		return err
	}
	top, err := root()
	if err != nil {
		return err
	}
	images, err := c.buildImages(ctx, top)
	if err != nil {
		return err
	}
	script := filepath.Join(top, "deployers/kubernetes/kubetest/cluster.sh")
	cmd := exec.Command(script, "outside", c.dir, kubernetes, fmt.Sprint(network), rollouts)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // not to be hit by the terminal's Ctrl-C
	out, err := os.Create(filepath.Join(c.dir, "cluster.log"))
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if c.alive, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.ended = make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(c.ended)
	}()
	if err := c.every(ctx, "images", func() error { return c.importImages(ctx, images) }); err != nil {
		return err
	}
	return c.every(ctx, "a ready node", func() error { return c.nodeReady(ctx) })
}

func (c *Cluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 500
	c.Dynamic, err = dynamic.NewForConfig(config)
	return err
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	if c.Dynamic == nil {
		if err := c.connect(); err != nil { // the API server writes its certificate first
			return err
		}
	}
	for resource, name := range map[string]string{"nodes": "node", "serviceaccounts": "default"} {
		client := dynamic.ResourceInterface(c.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}))
		if resource == "serviceaccounts" {
			client = c.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace("default")
		}
		object, err := client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if resource == "nodes" && !ready(object) {
			return errors.New("the node is not ready")
		}
	}
	return nil
}

func ready(node *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(node.Object, "status", "conditions")
	for _, one := range conditions {
		if c, ok := one.(map[string]any); ok && c["type"] == "Ready" {
			return c["status"] == "True"
		}
	}
	return false
}

// every tries until it works, the time is over or the cluster has ended.
func (c *Cluster) every(ctx context.Context, what string, try func() error) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-c.ended:
			return fmt.Errorf("the test cluster ended before it had %s: %w", what, err)
		case <-ctx.Done():
			return fmt.Errorf("the test cluster has not %s within %v: %w", what, readyWithin, err)
		}
	}
}

// logs are the last lines of each program.
func (c *Cluster) logs() string {
	var all strings.Builder
	files, _ := filepath.Glob(filepath.Join(c.dir, "*.log"))
	for _, file := range files {
		data, _ := os.ReadFile(file)
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		fmt.Fprintf(&all, "--- %s\n%s\n", filepath.Base(file), strings.Join(lines[max(0, len(lines)-8):], "\n"))
	}
	return all.String()
}

// Close ends the cluster with everything in it, and waits until it is gone.
func (c *Cluster) Close() error {
	if c.alive != nil {
		_ = c.alive.Close()
		<-c.ended
	}
	if c.locked != nil {
		_ = c.locked.Close()
	}
	if c.dir == "" {
		return nil
	}
	return os.RemoveAll(c.dir)
}
