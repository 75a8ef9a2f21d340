package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
	"github.com/slipway-dev/slipway/deployers/kubernetes/kubetest"
)

const (
	records   = "slipway" // namespace of the records
	namespace = "billing" // of what is released, as in docs/kubernetes-role.yaml
)

// world is the cluster that all tests of this package share, and what the role
// of docs/kubernetes-role.yaml may do in it.
type world struct {
	*kubetest.Cluster
	gateway    *kubetest.Gateway
	kubeconfig string // of the service account
}

var shared struct {
	once  sync.Once
	world *world
	err   error
}

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for the cluster most of the time, so more of them may wait at
	// once than there are cores.
	if err := flag.Set("test.parallel", "10"); err != nil {
		panic(err)
	}
	code := m.Run()
	if w := shared.world; w != nil {
		w.gateway.Close()
		if err := w.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// needCluster starts the cluster with the first test that needs it. Where it
// cannot be had the test is skipped, except where CI=true.
func needCluster(t testing.TB) *world {
	t.Helper()
	shared.once.Do(func() { shared.world, shared.err = newWorld() })
	switch {
	case errors.Is(shared.err, kubetest.ErrMissing) && os.Getenv("CI") != "true":
		t.Skip(shared.err)
	case shared.err != nil:
		t.Fatal(shared.err)
	}
	return shared.world
}

func newWorld() (*world, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	c, err := kubetest.Start(ctx)
	if err != nil {
		return nil, err
	}
	w := &world{Cluster: c}
	if err := w.prepare(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return w, nil
}

func (w *world) prepare(ctx context.Context) error {
	for _, name := range []string{records, namespace} {
		if err := w.Apply(ctx, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}"); err != nil {
			return err
		}
	}
	role, err := os.ReadFile("../../docs/kubernetes-role.yaml")
	if err != nil {
		return err
	}
	if err := w.Apply(ctx, "", string(role)); err != nil {
		return err
	}
	if err := w.GatewayAPI(ctx); err != nil {
		return err
	}
	if err := w.RolloutsAPI(ctx); err != nil {
		return err
	}
	if w.gateway, err = w.StartGateway(ctx, namespace, "front"); err != nil {
		return err
	}
	w.kubeconfig, err = w.ServiceAccount(ctx, records, "slipway")
	return err
}

// manifests of the test application; the name is the target's own.
const manifests = `
apiVersion: v1
kind: ConfigMap
metadata: {name: "${name}"}
data: {GREETING: "hello from ${version}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "${name}"}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      containers:
        - name: app
          image: ${image}
          ports: [{containerPort: 8080}]
          envFrom: [{configMapRef: {name: "${name}"}}]
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
          volumeMounts: [{name: ledger, mountPath: /ledger}]
      volumes: [{name: ledger, LEDGER}]
---
apiVersion: v1
kind: Service
metadata: {name: "${name}"}
spec:
  ports: [{port: 80, targetPort: 8080}]
`

// settings of a target in the tests; more are merged in.
func (w *world) settings(more map[string]any) map[string]any {
	ledger := "emptyDir: {}"
	if w.Dir != "" {
		ledger = "hostPath: {path: " + w.Dir + "}"
	}
	c := map[string]any{
		"namespace": namespace, "manifests": strings.Replace(manifests, "LEDGER", ledger, 1),
		"progressDeadline": "15s", "drain": "5s", "stopTimeout": "5s",
	}
	for key, value := range more {
		c[key] = value
	}
	return c
}

// track is a release of the test application that behaves in this way.
func (w *world) track(t deployertest.T, mode, version string, more map[string]any) deployers.Track {
	t.Helper()
	config, err := json.Marshal(w.settings(more))
	if err != nil {
		t.Fatalf("%v", err)
	}
	image := w.ImageOf(mode, version)
	return deployers.Track{
		ID: version + "-" + mode, Version: version, Weight: 100, Replicas: 1, Config: config, Env: map[string]string{"REGION": "eu"},
		Artifacts: []deployers.Artifact{{Name: "app", Reference: image.Reference, Digest: image.Digest}},
	}
}

// deployer is one process of Slipway.
func (w *world) deployer(t deployertest.T, log *slog.Logger) *Deployer {
	t.Helper()
	d := New(Options{Kubeconfig: w.kubeconfig, Namespace: records, Log: log})
	t.Cleanup(func() { closeDeployer(t, d) })
	return d
}

func closeDeployer(t deployertest.T, d *Deployer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// instances are the pods of a target that have not ended.
func (w *world) instances(ctx context.Context, target deployers.Target) ([]string, error) {
	pods, err := w.In(namespace, "v1", "Pod").List(ctx, metav1.ListOptions{LabelSelector: labelTarget + "=" + targetHash(target)})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range pods.Items {
		names = append(names, p.GetName())
	}
	slices.Sort(names)
	return names, nil
}

// askTimeout is long for a request, and short for an address where nothing is.
const askTimeout = 20 * time.Second

// ask sends one request over a connection of its own, so that a choice is made
// for each. What is asked of a name goes to the gateway.
func (w *world) ask(ctx context.Context, address string, header http.Header) (map[string]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/version", nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	client := &http.Client{Transport: w.transport(false), Timeout: askTimeout}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, strings.TrimSpace(string(body)))
	}
	if err != nil {
		return nil, err
	}
	a := map[string]string{}
	return a, json.Unmarshal(body, &a)
}

func (w *world) transport(keep bool) *http.Transport {
	return &http.Transport{DisableKeepAlives: !keep, MaxIdleConnsPerHost: 16,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, _, _ := net.SplitHostPort(address); strings.HasSuffix(host, ".test") {
				address = w.gateway.Address
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
}

// letGo has the lingering replicas of a target finish.
func (w *world) letGo(ctx context.Context, target deployers.Target) error {
	pods, err := w.In(namespace, "v1", "Pod").List(ctx, metav1.ListOptions{LabelSelector: labelTarget + "=" + targetHash(target)})
	if err != nil {
		return err
	}
	for _, p := range pods.Items {
		status, _ := p.Object["status"].(map[string]any)
		ip, _ := status["podIP"].(string)
		if p.GetDeletionTimestamp() == nil || ip == "" || !strings.HasSuffix(p.GetAnnotations()[annotationTrack], "lingers") {
			continue // another may be gone by the time that it is asked
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+ip+":8080/let-go", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
	}
	return nil
}

// ended counts the notes that lingering replicas leave. Their host names begin
// with the target's name.
func (w *world) ended(target deployers.Target) (finished, cut int) {
	whole, _ := filepath.Glob(filepath.Join(w.Dir, "finished-"+targetName(target)+"-*"))
	torn, _ := filepath.Glob(filepath.Join(w.Dir, "cut-"+targetName(target)+"-*"))
	return len(whole), len(torn)
}
