package kubernetes

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/deployers"
)

func TestManifestFaults(t *testing.T) {
	t.Parallel()
	const good = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: app}]}}}\n"
	for name, c := range map[string]struct{ yaml, want string }{
		"good":            {good, ""},
		"nothing":         {"", "a Deployment is missing"},
		"two of them":     {good + "---\n" + good, "document 2: a second Deployment"},
		"a namespace":     {strings.Replace(good, "name: a", "name: a, namespace: b", 1), "leave metadata.namespace out"},
		"another kind":    {good + "---\n{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}}", "is none of"},
		"no name":         {good + "---\n{apiVersion: v1, kind: ConfigMap}", "metadata.name is missing"},
		"a key twice":     {good + "kind: Deployment\n", "document 1: "},
		"two containers":  {strings.Replace(good, "[{name: app}]", "[{name: app}, {name: log}]", 1), "container says which of app, log"},
		"several service": {good + "---\n{apiVersion: v1, kind: Service, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: b}}", "service says which one"},
	} {
		c2 := defaultConfig()
		c2.Manifests = c.yaml
		if got := strings.Join(checkManifests(c2), "; "); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, wanted %q", name, got, c.want)
		}
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reference, digest, want string }{
		{"registry.example.com:5000/app:1.2.0", "sha256:ab", "registry.example.com:5000/app@sha256:ab"},
		{"registry.example.com:5000/app", "sha256:ab", "registry.example.com:5000/app@sha256:ab"},
		{"oci://app:1", "", "app:1"},
		{"app@sha256:cd", "sha256:ab", "app@sha256:cd"},
	} {
		if got := imageOf(deployers.Artifact{Reference: c.reference, Digest: c.digest}); got != c.want {
			t.Errorf("%s with %s is %s, not %s", c.reference, c.digest, got, c.want)
		}
	}
}

func TestPullReasons(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`failed to pull and unpack image "a/b:1": failed to resolve reference "a/b:1": pull access denied, repository does not exist or may require authorization`: "the registry denies it; check the pull secret of the namespace",
		`rpc error: code = NotFound desc = failed to pull and unpack image "a/b:1": a/b:1: not found`:                                                              "the registry does not have it",
		`failed to do request: Head "x": dial tcp: lookup registry.test: i/o timeout`:                                                                              "dial tcp: lookup registry.test: i/o timeout",
		"ErrImagePull": "ErrImagePull",
	} {
		if got := pullReason(message); got != want {
			t.Errorf("%q became %q", message, got)
		}
	}
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts map[string]int
		order  []string
		want   map[string]int
	}{
		{map[string]int{"a": 1, "b": 1, "c": 1}, []string{"a", "b", "c"}, map[string]int{"a": 34, "b": 33, "c": 33}},
		{map[string]int{"a": 4, "b": 1}, []string{"a", "b"}, map[string]int{"a": 80, "b": 20}},
		{map[string]int{}, nil, map[string]int{}},
	} {
		if diff := cmp.Diff(c.want, percent(c.counts, c.order)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestUnifiedDiff(t *testing.T) {
	t.Parallel()
	a := strings.Split("a\nb\nc\nd\ne\nf\ng\nh", "\n")
	b := strings.Split("a\nb\nc\nD\ne\nf\ng\nh\ni", "\n")
	want := "  b\n  c\n- d\n+ D\n  e\n  f\n  g\n  h\n+ i"
	if got := strings.Join(unified(a, b), "\n"); got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
	if got := unified(nil, []string{"x"}); len(got) != 1 || got[0] != "+ x" {
		t.Errorf("a new object is %q", got)
	}
}

// TestWhatTheServerSaysOfASecret: it may repeat the object that it refuses.
func TestWhatTheServerSaysOfASecret(t *testing.T) {
	t.Parallel()
	secrets := map[string]deployers.Secret{"TOKEN": deployers.NewSecret(`p"ss+word/`), "SHORT": deployers.NewSecret("abc")}
	for _, leak := range []string{`p"ss+word/`, `p\"ss+word/`, "p%22ss%2Bword%2F", "cCJzcyt3b3JkLw=="} {
		err := redactError(deployers.Terminal(errors.New("it said "+leak+" abc")), secrets)
		if err.Error() != "it said *** abc" || !deployers.IsTerminal(err) {
			t.Errorf("%s became %q", leak, err)
		}
	}
}

func TestTrafficThatCannotBeHadIsRefused(t *testing.T) {
	t.Parallel()
	front := &gateway{Name: "front", Hostname: "a.example.com"}
	two := func(c config, stable, canary storedTrack) error {
		return possible([]*rendered{{track: stable, config: c}, {track: canary, config: c}})
	}
	old := storedTrack{Version: "1.0.0", Weight: 95, Replicas: 4}
	part := storedTrack{Version: "1.1.0", Weight: 5, Replicas: 1}
	exact := config{Shares: sharesExact}
	picky := part
	picky.Match = []deployers.Match{{Header: "X-Beta", Value: "1"}}
	fifth, rest := part, old
	fifth.Weight, rest.Weight = 20, 80
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"by replicas":          {two(config{Shares: sharesReplicas}, old, part), ""},
		"exact":                {two(exact, old, part), "version 1.0.0 is to get 95 % of the traffic, but 4 of 5 replicas get 80 %"},
		"exact and possible":   {two(exact, rest, fifth), ""},
		"with a gateway":       {two(config{Shares: sharesExact, Gateway: front}, old, picky), ""},
		"by header, no gate":   {two(config{}, old, picky), "needs a gateway"},
		"one of three, silent": {possible([]*rendered{{track: old}, {track: part}, {track: storedTrack{Version: "1.2.0"}}}), "which needs a gateway"},
	} {
		if got := ""; c.err != nil {
			got = c.err.Error()
			if c.want == "" || !strings.Contains(got, c.want) {
				t.Errorf("%s: %s", name, got)
			}
		} else if c.want != "" {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestConfigKeepsWholeNumbers(t *testing.T) {
	t.Parallel()
	raw, _ := json.Marshal(map[string]any{"namespace": "billing", "manifests": strings.Replace(manifests, "LEDGER", "emptyDir: {}", 1)})
	c, problems := parseConfig(raw)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	target := deployers.Target{Service: "Billing API", Environment: "production", Site: "eu"}
	r, err := render(target, storedTrack{ID: "x", Version: "1.0.0", Replicas: 2, Config: raw,
		Artifacts: []deployers.Artifact{{Name: "app", Reference: "app:1", Digest: "sha256:ab"}}, Secrets: []string{"TOKEN"}}, c)
	if err != nil {
		t.Fatal(err)
	}
	if r.image != "app@sha256:ab" || r.port() != 8080 {
		t.Errorf("image %q, port %d", r.image, r.port())
	}
	if name := r.extras[0].GetName(); !strings.HasPrefix(name, "billing-api-production-eu-") || !strings.HasSuffix(name, trackHash("x")) {
		t.Errorf("a ConfigMap of the track is called %s", name)
	}
	text, _ := json.Marshal(r.workload.Object)
	if !strings.Contains(string(text), `"name":"`+r.extras[0].GetName()+`"`) || !strings.Contains(string(text), secretName(target, "x")) {
		t.Errorf("the pod does not use its own ConfigMap and Secret: %s", text)
	}
}

// TestWhatBecomesOfTheTeamsPods: a first release begins beside them where it can,
// and where it cannot, people are told what that costs.
func TestWhatBecomesOfTheTeamsPods(t *testing.T) {
	t.Parallel()
	home := func(change string) *unstructured.Unstructured {
		u := object(t, "{metadata: {name: shop, labels: {app: shop}}, spec: {replicas: 2, template: {spec: {containers: [{name: app}, {name: helper}]}}}}")
		for key, value := range object(t, "{"+change+"}") {
			if err := unstructured.SetNestedField(u, value, strings.Split(key, ".")...); err != nil {
				t.Fatal(err)
			}
		}
		return &unstructured.Unstructured{Object: u}
	}
	for name, c := range map[string]struct {
		home, kind, service string
		drain               time.Duration
		beside              bool
		words               string
	}{
		"a Deployment":         {"", kindDeployment, "shop", 5 * time.Second, true, "takes the traffic of Service shop and comes home after 5s"},
		"without a Service":    {"", kindDeployment, "", 5 * time.Second, false, "give the workload a preStop before its first release, or name its Service"},
		"one at a time":        {"spec.strategy: {type: Recreate}", kindDeployment, "shop", 5 * time.Second, false, "give the workload a preStop before its first release."},
		"a StatefulSet":        {"", kindStatefulSet, "shop", 5 * time.Second, false, "Warning: the pods of StatefulSet shop have no preStop"},
		"with a preStop":       {"spec.template.spec.containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 1}}}}]", kindDeployment, "shop", 5 * time.Second, false, ""},
		"of another container": {"spec.template.spec.containers: [{name: app}, {name: helper, lifecycle: {preStop: {sleep: {seconds: 1}}}}]", kindDeployment, "shop", 5 * time.Second, true, "comes home"},
		"no drain is wanted":   {"", kindDeployment, "shop", 0, false, ""},
		"nothing runs":         {"spec.replicas: 0", kindDeployment, "shop", 5 * time.Second, false, ""},
		"a release is at home": {"metadata.labels: {slipway.dev/track: abc}", kindDeployment, "shop", 5 * time.Second, false, ""},
		"traffic that is slow": {"", kindDeployment, "shop", time.Millisecond, true, "comes home after 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := defaultConfig()
			cfg.Drain = duration(c.drain)
			s := &snapshot{record: &record{Kind: c.kind, Adopted: &adopted{Workload: "shop", Service: c.service}},
				workloads: map[string]*unstructured.Unstructured{"shop": home(c.home)},
				tracks:    []*rendered{{track: storedTrack{ID: "one", Weight: 100}, config: cfg, container: "app"}}}
			if got := s.beginsBeside(); got != c.beside {
				t.Errorf("it begins beside them: %t", got)
			}
			if words := strings.Join(s.firstWords(), "\n"); (words == "") != (c.words == "") || !strings.Contains(words, c.words) {
				t.Errorf("people read %q", words)
			}
		})
	}
}

// object reads YAML the way that the cluster's answers are read.
func object(t *testing.T, text string) (u map[string]any) {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = utiljson.Unmarshal(asJSON, &u)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestTheTeamsPodsAreSeen beside a first release, with their part of the traffic.
func TestTheTeamsPodsAreSeen(t *testing.T) {
	t.Parallel()
	for selector, theirs := range map[string]int{"{app: shop}": 67, "{app: shop, slipway.dev/track: " + trackHash("one") + "}": 0} {
		s := &snapshot{record: &record{Kind: kindDeployment, Adopted: &adopted{Workload: "shop", Service: "shop"}},
			tracks: []*rendered{{track: storedTrack{ID: "one", Weight: 100}, config: defaultConfig(), container: "app"}},
			workloads: map[string]*unstructured.Unstructured{"shop": {Object: object(t,
				"{metadata: {name: shop}, spec: {replicas: 2, template: {spec: {containers: [{name: app, image: their/own:7}]}}}, status: {readyReplicas: 2}}")}},
			services: map[string]*unstructured.Unstructured{"shop": {Object: object(t, "{metadata: {name: shop, labels: {slipway.dev/role: service}}, spec: {selector: "+selector+"}}")}},
			pods: []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{labelTrack: trackHash("one")}},
				Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}}},
		}
		shares := s.shares()
		want := []deployers.ObservedTrack{{ID: "image their/own:7", Version: "their/own:7", Ready: 2, Weight: theirs, Message: "not from a release: it was there before the first one"}}
		if diff := cmp.Diff(want, s.leftovers(s.alive(), shares)); diff != "" || shares[trackHash("one")] != 100-theirs {
			t.Errorf("%s: %s, of %v", selector, diff, shares)
		}
	}
}

// TestALogIsCutBetweenLines: what was cut off comes the next time, whole.
func TestALogIsCutBetweenLines(t *testing.T) {
	t.Parallel()
	const first, second = "2026-11-28T10:00:00.1Z one\n", "2026-11-28T10:00:00.2Z the key is s3cr"
	long := "2026-11-28T10:00:00.3Z " + strings.Repeat("x", 100)
	since := time.Date(2026, 11, 28, 10, 0, 0, 100e6, time.UTC)
	for name, c := range map[string]struct {
		data  string
		bound int
		since *time.Time
		want  []string
	}{
		"nothing":          {"", 100, nil, nil},
		"all of it":        {first + second + "et\n", 100, nil, []string{"one", "the key is s3cret"}},
		"an end":           {first + second + "et", 100, nil, []string{"one", "the key is s3cret"}},
		"cut off":          {first + second, len(first + second), nil, []string{"one"}},
		"cut off anew":     {first + second + "et\n" + long, len(first+second) + 10, &since, []string{"the key is s3cret"}},
		"nothing but cut":  {long[:80], 80, nil, []string{"(a line of more than 80 bytes is not shown)"}},
		"cut off in stamp": {first + second[:10], len(first) + 10, nil, []string{"one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, l := range linesOf(c.data, c.bound, c.since) {
				got = append(got, l.Text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
