package deployertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// Releases tells the checks how releases behave well and badly on a deployer that
// they see from outside only. ${version} is replaced wherever it stands, and so
// are the names that Harness is given.
type Releases struct {
	Good       *Content `json:"good"`
	NeverReady *Content `json:"neverReady,omitempty"`
	Exits      *Content `json:"exits,omitempty"`
	Lingers    *Content `json:"lingers,omitempty"`
	Bad        *Bad     `json:"bad,omitempty"`
	Wait       string   `json:"wait,omitempty"` // a duration; empty: 30s
}

// Content is what a track of a release holds.
type Content struct {
	Config    json.RawMessage   `json:"config"`
	Artifacts []Built           `json:"artifacts,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
}

// Built is an artifact.
type Built struct {
	Name      string `json:"name"`
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

// Bad is a config with problems at these paths.
type Bad struct {
	Config json.RawMessage `json:"config"`
	Paths  []string        `json:"paths"`
}

// ReadReleases reads the JSON of a conformance file.
func ReadReleases(data []byte) (Releases, error) {
	var r Releases
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return r, err
	}
	if r.Good == nil {
		return r, errors.New(`there is no release "good", which runs and becomes ready`)
	}
	if r.Wait != "" {
		if d, err := time.ParseDuration(r.Wait); err != nil || d <= 0 {
			return r, fmt.Errorf("wait is a duration such as 30s, not %q", r.Wait)
		}
	}
	return r, nil
}

// Harness is a harness with these releases, in which ${name} stands for the value
// of that name; New is left to the caller.
func (r Releases) Harness(values map[string]string) Harness {
	h := Harness{Lingers: r.Lingers != nil}
	h.Wait, _ = time.ParseDuration(r.Wait) // checked when it was read
	kinds := map[Kind]*Content{Good: r.Good, NeverReady: r.NeverReady, Exits: r.Exits, Lingers: r.Lingers}
	for _, k := range []Kind{NeverReady, Exits} {
		if kinds[k] == nil {
			h.Lacks = append(h.Lacks, k)
		}
	}
	if r.Bad != nil {
		h.BadConfig, h.BadPaths = r.Bad.Config, r.Bad.Paths
	}
	h.Release = func(t T, kind Kind, version string) deployers.Track {
		t.Helper()
		track := deployers.Track{ID: fmt.Sprintf("%s-%d", version, kind), Version: version}
		text, err := json.Marshal(kinds[kind])
		if err != nil {
			t.Fatalf("%v", err)
		}
		var c Content
		pairs := []string{"${version}", inJSON(version)}
		for name, value := range values {
			pairs = append(pairs, "${"+name+"}", inJSON(value))
		}
		spelled := strings.NewReplacer(pairs...).Replace(string(text))
		if err := json.Unmarshal([]byte(spelled), &c); err != nil {
			t.Fatalf("%v", err)
		}
		track.Config, track.Env = c.Config, c.Env
		for _, b := range c.Artifacts {
			track.Artifacts = append(track.Artifacts, deployers.Artifact(b))
		}
		return track
	}
	return h
}

// inJSON is a text as it stands between the quotes of JSON.
func inJSON(text string) string { return strings.Trim(show(text), `"`) }
