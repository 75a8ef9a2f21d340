package slipway

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sizedDeployer takes {"replicas": n, "host": text} and wants both.
type sizedDeployer struct{ twoDeployers }

func (sizedDeployer) CheckConfig(ref DeployerRef) (int, []FieldError) {
	var config struct {
		Replicas int    `json:"replicas"`
		Host     string `json:"host"`
		Env      struct {
			Level string `json:"level"`
		} `json:"env"`
	}
	if err := json.Unmarshal(ref.Config, &config); err != nil {
		return 0, []FieldError{{Message: "is no config"}}
	}
	var faults []FieldError
	if config.Replicas < 1 {
		faults = append(faults, FieldError{Field: "replicas", Message: "is at least 1"})
	}
	if config.Host == "" {
		faults = append(faults, FieldError{Field: "host", Message: "is missing"})
	}
	if config.Env.Level == "loud" {
		faults = append(faults, FieldError{Field: "env.level", Message: "is quiet"})
	}
	return config.Replicas, faults
}

func TestSiteSpecs(t *testing.T) {
	t.Parallel()
	wave := func(site, config string) Wave { return Wave{Site: site, Config: json.RawMessage(config)} }
	for name, c := range map[string]struct {
		config string
		waves  []Wave
		want   []SiteSpec
		all    int
		faults []string
	}{
		"no waves":        {`{"replicas":2,"host":"a"}`, nil, nil, 2, nil},
		"fault, no waves": {`{"replicas":2}`, nil, nil, 2, []string{"deployer.config.host: is missing."}},
		"key by key": {`{"replicas":2,"host":"a","env":{"level":"low","x":1}}`, []Wave{wave("eu", ""), wave("us", `{"host":"b","env":{"level":"high"}}`)},
			[]SiteSpec{{Site: "eu", Replicas: 2, Config: json.RawMessage(`{"env":{"level":"low","x":1},"host":"a","replicas":2}`)},
				{Site: "us", Replicas: 2, Config: json.RawMessage(`{"env":{"level":"high","x":1},"host":"b","replicas":2}`)}}, 4, nil},
		"whole by its waves only": {`{"replicas":3}`, []Wave{wave("eu", `{"host":"a"}`)}, []SiteSpec{{Site: "eu", Replicas: 3, Config: json.RawMessage(`{"host":"a","replicas":3}`)}}, 3, nil},
		"taken away": {`{"replicas":3,"host":"a","env":{"x":1}}`, []Wave{wave("eu", `{"env":null,"new":{"y":null,"z":1}}`)},
			[]SiteSpec{{Site: "eu", Replicas: 3, Config: json.RawMessage(`{"host":"a","new":{"z":1},"replicas":3}`)}}, 3, nil},
		"shared fault is named once": {`{"replicas":1,"host":"a","env":{"level":"loud"}}`, []Wave{wave("eu", `{"env":{"x":1}}`), wave("us", `{}`)}, nil, 2,
			[]string{"deployer.config.env.level: is quiet."}},
		"fault of a wave": {`{"replicas":1,"host":"a","env":{"level":"low"}}`, []Wave{wave("eu", `{"env":{"level":"loud"}}`), wave("us", `{"replicas":0}`)}, nil, 1,
			[]string{"waves[0].config.env.level: is quiet.", "waves[1].config.replicas: is at least 1."}},
		"missing in a wave": {`{"replicas":1}`, []Wave{wave("eu", `{"host":"a"}`), wave("us", `{}`)}, nil, 2, []string{"waves[1].config.host: is missing."}},
		"no config at all":  {`7`, []Wave{wave("eu", `{}`)}, nil, 0, []string{"waves[0].config: is no config."}},
	} {
		s := Stage{Deployer: DeployerRef{Name: "whole", Config: json.RawMessage(c.config)}, Waves: c.waves}
		sites, all, faults := SiteSpecs(s, sizedDeployer{})
		var texts []string
		for _, f := range faults {
			texts = append(texts, f.String())
		}
		if diff := cmp.Diff(c.faults, texts); diff != "" || all != c.all {
			t.Errorf("%s: %d replicas, %s", name, all, diff)
		}
		if diff := cmp.Diff(c.want, sites); diff != "" && len(faults) == 0 {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A wave that says nothing changes nothing, and one that says all decides all.
func TestOverlay(t *testing.T) {
	t.Parallel()
	objects := rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.OneOf(rapid.Int().AsAny(), rapid.Just[any](nil), rapid.Just[any](map[string]any{"a": true})))
	rapid.Check(t, func(t *rapid.T) {
		under, over := objects.Draw(t, "under"), objects.Draw(t, "over")
		was := deepKeys(under)
		out := overlay(under, over)
		for key, value := range over {
			if _, there := out[key]; there == (value == nil) {
				t.Fatalf("%s of %v over %v is %v", key, over, under, out)
			}
		}
		for key, value := range under {
			if _, said := over[key]; !said && !cmp.Equal(out[key], value) {
				t.Fatalf("%s of %v under %v is %v", key, under, over, out)
			}
		}
		if !slices.Equal(was, deepKeys(under)) {
			t.Fatal("what lies under was changed")
		}
	})
}

func deepKeys(v map[string]any) []string {
	var keys []string
	for key, value := range v {
		keys = append(keys, key)
		if inner, ok := value.(map[string]any); ok {
			for _, k := range deepKeys(inner) {
				keys = append(keys, key+"."+k)
			}
		}
	}
	slices.Sort(keys)
	return keys
}
