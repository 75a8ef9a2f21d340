package kubetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// Gateway is a small controller and data plane of the Gateway API: it follows
// the HTTPRoutes of one Gateway in one namespace and sends requests to the ready
// endpoints of their Services, by weight. It runs in the test's process, because
// no gateway can be had here as a program; it reads the objects that every other
// one reads, and reports in their status as the specification says.
type Gateway struct {
	Address string // host:port

	cluster   *Cluster
	namespace string
	name      string
	server    *http.Server
	table     atomic.Pointer[map[string][]rule] // by hostname
	counter   atomic.Uint64
	ctx       context.Context
	cancel    context.CancelFunc
	group     sync.WaitGroup
}

type rule struct {
	matches  []match
	backends []backend
	spread   []int // indexes of backends, smoothly by weight
}

type match struct {
	header string
	exact  string
	like   *regexp.Regexp
}

type backend struct {
	weight    int
	endpoints []string
	next      *atomic.Uint64
}

// StartGateway creates the Gateway and serves it until Close.
func (c *Cluster) StartGateway(ctx context.Context, namespace, name string) (*Gateway, error) {
	err := c.Apply(ctx, namespace, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: %s}
spec:
  gatewayClassName: kubetest
  listeners: [{name: http, protocol: HTTP, port: 80}]
`, name))
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &Gateway{Address: listener.Addr().String(), cluster: c, namespace: namespace, name: name}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.table.Store(&map[string][]rule{})
	g.server = &http.Server{Handler: http.HandlerFunc(g.serve), ReadHeaderTimeout: time.Minute}
	g.group.Go(func() { _ = g.server.Serve(listener) })
	g.group.Go(func() { g.follow() })
	return g, nil
}

// Close stops it.
func (g *Gateway) Close() {
	g.cancel()
	_ = g.server.Close()
	g.group.Wait()
}

// follow reads everything anew whenever something may have changed.
func (g *Gateway) follow() {
	ticker := time.NewTicker(150 * time.Millisecond)
	defer ticker.Stop()
	for {
		_ = g.refresh() // what cannot be read now is read the next time
		select {
		case <-ticker.C:
		case <-g.ctx.Done():
			return
		}
	}
}

func (g *Gateway) refresh() error {
	routes, err := g.in("gateway.networking.k8s.io/v1", "HTTPRoute").List(g.ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	slices, err := g.in("discovery.k8s.io/v1", "EndpointSlice").List(g.ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	endpoints := map[string][]string{}
	for i := range slices.Items {
		u := &slices.Items[i]
		service := u.GetLabels()["kubernetes.io/service-name"]
		endpoints[service] = append(endpoints[service], readyEndpoints(u)...)
	}
	table := map[string][]rule{}
	var mine []*unstructured.Unstructured
	for i := range routes.Items {
		u := &routes.Items[i]
		parents, _, _ := unstructured.NestedSlice(u.Object, "spec", "parentRefs")
		for _, one := range parents {
			if parent, ok := one.(map[string]any); ok && parent["name"] == g.name {
				mine = append(mine, u)
			}
		}
	}
	for _, u := range mine {
		hosts, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "hostnames")
		for _, host := range hosts {
			table[host] = append(table[host], rulesOf(u, endpoints)...)
		}
	}
	g.table.Store(&table)
	for _, u := range mine { // only now is it true
		if err := g.accept(u); err != nil {
			return err
		}
	}
	return nil
}

func readyEndpoints(u *unstructured.Unstructured) []string {
	ports, _, _ := unstructured.NestedSlice(u.Object, "ports")
	list, _, _ := unstructured.NestedSlice(u.Object, "endpoints")
	var out []string
	for _, one := range list {
		e, _ := one.(map[string]any)
		if ready, _, _ := unstructured.NestedBool(e, "conditions", "ready"); !ready || len(ports) == 0 {
			continue
		}
		port, _ := ports[0].(map[string]any)
		number, _ := port["port"].(int64)
		addresses, _, _ := unstructured.NestedStringSlice(e, "addresses")
		for _, a := range addresses {
			out = append(out, net.JoinHostPort(a, strconv.FormatInt(number, 10)))
		}
	}
	return out
}

func rulesOf(u *unstructured.Unstructured, endpoints map[string][]string) []rule {
	list, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
	var rules []rule
	for _, one := range list {
		var r rule
		spec, _ := one.(map[string]any)
		matches, _, _ := unstructured.NestedSlice(spec, "matches")
		for _, m := range matches {
			headers, _, _ := unstructured.NestedSlice(m.(map[string]any), "headers")
			for _, h := range headers {
				header, _ := h.(map[string]any)
				name, _ := header["name"].(string)
				value, _ := header["value"].(string)
				one := match{header: name, exact: value}
				if header["type"] == "RegularExpression" {
					one.like = regexp.MustCompile("^(?:" + value + ")$")
				}
				r.matches = append(r.matches, one)
			}
		}
		refs, _, _ := unstructured.NestedSlice(spec, "backendRefs")
		for _, b := range refs {
			ref, _ := b.(map[string]any)
			name, _ := ref["name"].(string)
			weight, ok := ref["weight"].(int64)
			if !ok {
				weight = 1
			}
			r.backends = append(r.backends, backend{int(weight), endpoints[name], &atomic.Uint64{}})
		}
		r.spread = smooth(r.backends)
		rules = append(rules, r)
	}
	return rules
}

// smooth is one round of smooth weighted round robin.
func smooth(backends []backend) []int {
	total, current := 0, make([]int, len(backends))
	for _, b := range backends {
		total += b.weight
	}
	var order []int
	for range total {
		best := -1
		for i, b := range backends {
			if current[i] += b.weight; b.weight > 0 && (best < 0 || current[i] > current[best]) {
				best = i
			}
		}
		current[best] -= total
		order = append(order, best)
	}
	return order
}

// accept writes the status that the specification asks for, once per change.
func (g *Gateway) accept(u *unstructured.Unstructured) error {
	parents, _, _ := unstructured.NestedSlice(u.Object, "status", "parents")
	for _, one := range parents {
		conditions, _, _ := unstructured.NestedSlice(one.(map[string]any), "conditions")
		if len(conditions) > 0 && conditions[0].(map[string]any)["observedGeneration"] == u.GetGeneration() {
			return nil
		}
	}
	refs, _, _ := unstructured.NestedSlice(u.Object, "spec", "parentRefs")
	var conditions []any
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		conditions = append(conditions, map[string]any{
			"type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": u.GetGeneration(),
			"lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
		})
	}
	u = u.DeepCopy()
	_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{
		"parentRef": refs[0], "controllerName": "slipway.test/kubetest", "conditions": conditions,
	}}, "status", "parents")
	_, err := g.in("gateway.networking.k8s.io/v1", "HTTPRoute").UpdateStatus(g.ctx, u, metav1.UpdateOptions{})
	return err
}

func (g *Gateway) in(apiVersion, kind string) dynamic.ResourceInterface {
	return g.cluster.In(g.namespace, apiVersion, kind)
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	for _, one := range (*g.table.Load())[host] {
		if !one.picks(r) {
			continue
		}
		if to := one.choose(g.counter.Add(1)); to != "" {
			proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
				p.Out.URL.Scheme, p.Out.URL.Host = "http", to
			}}
			proxy.ServeHTTP(w, r)
			return
		}
		http.Error(w, "nothing is ready", http.StatusServiceUnavailable)
		return
	}
	http.NotFound(w, r)
}

func (r rule) picks(request *http.Request) bool {
	for _, m := range r.matches {
		for _, value := range request.Header.Values(m.header) {
			if m.like == nil && value == m.exact || m.like != nil && m.like.MatchString(value) {
				return true
			}
		}
	}
	return len(r.matches) == 0
}

func (r rule) choose(n uint64) string {
	if len(r.spread) == 0 {
		return ""
	}
	b := r.backends[r.spread[n%uint64(len(r.spread))]]
	if len(b.endpoints) == 0 {
		return ""
	}
	return b.endpoints[b.next.Add(1)%uint64(len(b.endpoints))]
}
