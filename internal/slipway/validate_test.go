package slipway

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://example.com", "http://localhost:8080/x?y=1#z", "HTTPS://EXAMPLE.COM", "https://[::1]/"} {
		if fault := CheckURL(good); fault != "" {
			t.Errorf("%q %s", good, fault)
		}
	}
	for _, bad := range []string{"", "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "https:javascript:alert(1)",
		"javascript://example.com/%0aalert(1)", "data:text/html,x", "//host/x", "/path", "example.com", "https://", "https:///x", "http://:80",
		"ftp://example.com", "file:///etc/passwd", "vbscript:x", "https://exa mple.com", "https://example.com\n", "https://%zz"} {
		if CheckURL(bad) == "" {
			t.Errorf("%q is let in", bad)
		}
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "0", "shop", "shop-2", "a--b", strings.Repeat("a", 63)} {
		if fault := CheckName(good); fault != "" {
			t.Errorf("%q %s", good, fault)
		}
	}
	for _, bad := range []string{"", "-a", "a-", "A", "a_b", "a.b", "a b", "a\n", "ä", "a/b", "..", strings.Repeat("a", 64)} {
		if CheckName(bad) == "" {
			t.Errorf("%q is let in", bad)
		}
	}
	for _, page := range []string{"r", "compare", "pipeline", "secrets"} {
		if CheckEnvironmentName(page) == "" || CheckEnvironmentName(page+"1") != "" {
			t.Errorf("an environment may be called %s: %q", page, CheckEnvironmentName(page))
		}
	}
	if CheckName("") != "is missing" {
		t.Error(CheckName(""))
	}
}

func TestReleaseValidate(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine+1)
	at := func(change func(*Release)) Release {
		r := Release{Service: "shop", Version: "1.0.0-rc.1+build_2", Content: ReleaseContent{
			Artifacts: spec("1", 1).Artifacts, Commit: "abc", Notes: "fine", Config: map[string]string{"LOG_LEVEL": "", "a.b-c": "x"},
			Changes: []Change{{Commit: "abc", Subject: "Fix", URL: "https://example.com/abc"}}, Provenance: Provenance{RunURL: "https://ci"}}}
		if change != nil {
			change(&r)
		}
		return r
	}
	artifacts := func(n int) []Artifact {
		var out []Artifact
		for i := range n {
			out = append(out, Artifact{Name: fmt.Sprint(i), Reference: "r", Digest: spec("1", 1).Artifacts[0].Digest})
		}
		return out
	}
	attested := func(text string, n int) []Attestation {
		var out []Attestation
		for range n {
			out = append(out, Attestation(text))
		}
		return out
	}
	config := func(key, value string) func(*Release) {
		return func(r *Release) { r.Content.Config = map[string]string{key: value} }
	}
	for name, c := range map[string]struct {
		change func(*Release)
		want   []string
	}{
		"good":            {nil, nil},
		"no version":      {func(r *Release) { r.Version = "" }, []string{"version"}},
		"version as path": {func(r *Release) { r.Version = "../1" }, []string{"version"}},
		"long version":    {func(r *Release) { r.Version = strings.Repeat("1", 65) }, []string{"version"}},
		"line end":        {func(r *Release) { r.Version = "1.0\n" }, []string{"version"}},
		"no artifacts":    {func(r *Release) { r.Content.Artifacts = nil }, []string{"artifacts"}},
		"50 artifacts":    {func(r *Release) { r.Content.Artifacts = artifacts(50) }, nil},
		"51 artifacts":    {func(r *Release) { r.Content.Artifacts = artifacts(51) }, []string{"artifacts"}},
		"same name":       {func(r *Release) { r.Content.Artifacts = append(artifacts(1), artifacts(1)...) }, []string{"artifacts[1].name"}},
		"empty artifact":  {func(r *Release) { r.Content.Artifacts = []Artifact{{}} }, []string{"artifacts[0].name", "artifacts[0].reference", "artifacts[0].digest"}},
		"a tag":           {func(r *Release) { r.Content.Artifacts = []Artifact{{Name: "a", Reference: "r", Digest: "latest"}} }, []string{"artifacts[0].digest"}},
		"upper-case": {func(r *Release) {
			r.Content.Artifacts = []Artifact{{Name: "a", Reference: "r", Digest: "sha256:" + strings.Repeat("A", 64)}}
		}, []string{"artifacts[0].digest"}},
		"long reference": {func(r *Release) {
			r.Content.Artifacts = []Artifact{{Name: long, Reference: long, Digest: artifacts(1)[0].Digest}}
		}, []string{"artifacts[0].name", "artifacts[0].reference"}},
		"too many changes": {func(r *Release) { r.Content.Changes = make([]Change, maxChanges+1) }, []string{"changes"}},
		"change with harm": {func(r *Release) { r.Content.Changes = []Change{{URL: "javascript:alert(1)"}} }, []string{"changes[0].url"}},
		"long change":      {func(r *Release) { r.Content.Changes = []Change{{Subject: long}} }, []string{"changes[0]"}},
		"run with harm":    {func(r *Release) { r.Content.Provenance.RunURL = "data:x" }, []string{"provenance.runUrl"}},
		"long provenance":  {func(r *Release) { r.Content.Provenance.Source = long }, []string{"provenance"}},
		"long commit":      {func(r *Release) { r.Content.Commit = long }, []string{"commit"}},
		"long notes":       {func(r *Release) { r.Content.Notes = strings.Repeat("x", maxNotes+1) }, []string{"notes"}},
		"20 attestations":  {func(r *Release) { r.Content.Attestations = attested("{}", maxAttestations) }, nil},
		"21 attestations":  {func(r *Release) { r.Content.Attestations = attested("{}", maxAttestations+1) }, []string{"attestations"}},
		"longest evidence": {func(r *Release) {
			r.Content.Attestations = attested(`{"x":"`+strings.Repeat("x", maxAttestation-8)+`"}`, 1)
		}, nil},
		"long evidence": {func(r *Release) {
			r.Content.Attestations = attested(`{"x":"`+strings.Repeat("x", maxAttestation-7)+`"}`, 1)
		}, []string{"attestations[0]"}},
		"list as evidence": {func(r *Release) { r.Content.Attestations = append(attested("{}", 1), attested("[{}]", 1)...) }, []string{"attestations[1]"}},
		"null as evidence": {func(r *Release) { r.Content.Attestations = attested("null", 1) }, []string{"attestations[0]"}},
		"torn evidence":    {func(r *Release) { r.Content.Attestations = attested(`{"a":`, 1) }, []string{"attestations[0]"}},
		"no UTF-8":         {func(r *Release) { r.Content.Attestations = attested("{\"a\":\"\xff\"}", 1) }, []string{"attestations[0]"}},
		"odd key":          {config("a b", ""), []string{"config.a b"}},
		"key with number":  {config("1a", ""), []string{"config.1a"}},
		"long value":       {config("A", strings.Repeat("x", maxConfigValue+1)), []string{"config.A"}},
		"longest value":    {config("A", strings.Repeat("x", maxConfigValue)), nil},
		"keys in order":    {func(r *Release) { r.Content.Config = map[string]string{"c c": "", "a a": "", "b b": ""} }, []string{"config.a a", "config.b b", "config.c c"}},
		"too many keys": {func(r *Release) {
			for i := range maxConfigKeys + 1 {
				r.Content.Config[fmt.Sprint("K", i)] = ""
			}
		}, []string{"config"}},
	} {
		if diff := cmp.Diff(c.want, fields(at(c.change).Validate())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestServiceValidate(t *testing.T) {
	t.Parallel()
	good := Service{Name: "shop", Team: "web", Title: strings.Repeat("ü", 120), Description: strings.Repeat("ß", 2000),
		Repository: "https://example.com", Links: []Link{{Title: "Docs", URL: "https://example.com"}}}
	if faults := good.Validate(); len(faults) > 0 {
		t.Error(faults)
	}
	bad := Service{Name: "Shop", Title: strings.Repeat("ü", 121), Description: strings.Repeat("ß", 2001), Repository: "javascript:x",
		Links: []Link{{URL: "https://ok"}, {URL: "data:x"}}}
	if diff := cmp.Diff([]string{"name", "team", "title", "description", "repository", "links[1].url"}, fields(bad.Validate())); diff != "" {
		t.Error(diff)
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, d := range map[string]time.Duration{
		"0s": 0, "1h": time.Hour, "168h": 168 * time.Hour, "10m": 10 * time.Minute, "1h30m": 90 * time.Minute, "1m30s": 90 * time.Second,
		"1h0m1s": time.Hour + time.Second, "250ms": 250 * time.Millisecond,
	} {
		if got := Duration(d).String(); got != text {
			t.Errorf("%s is written %s", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		was := Duration(rapid.Int64Min(0).Draw(t, "ns"))
		if rapid.Bool().Draw(t, "whole") {
			was -= was % Duration(time.Minute)
		}
		var d Duration
		text, err := json.Marshal(was)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil || d != was {
			t.Fatalf("%d became %s and %d: %v", was, text, d, err)
		}
	})
	for _, bad := range []string{`10`, `"10"`, `"-5m"`, `""`, `null`, `"ten"`, `{}`, `"99999999h"`} {
		var d Duration
		if err := json.Unmarshal([]byte(bad), &d); err == nil || d != 0 {
			t.Errorf("%s is %s: %v", bad, d, err)
		}
	}
}
