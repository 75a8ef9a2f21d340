package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const catalog = `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Billing_API
  title: Billing
  description: Sends invoices
  annotations:
    github.com/project-slug: acme/billing
    backstage.io/techdocs-ref: dir:.
  links:
    - {url: "https://wiki.example.com", title: Wiki, icon: docs, type: guide}
    - {url: "https://example.com"}
  tags: [go, c++]
spec: {type: service, lifecycle: production, owner: "group:acme/Payments", dependsOn: ["resource:db"], extra: {x: [1]}}
---
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: billing}
spec: {type: openapi, definition: {$text: ./openapi.yaml}}
---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: more}
spec: {target: "http://169.254.169.254/"}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web}
spec: {type: website, lifecycle: experimental, owner: growth}
`

func TestCatalogInfo(t *testing.T) {
	t.Parallel()
	got, err := manifest.ParseCatalogInfo([]byte(catalog))
	if err != nil {
		t.Fatal(err)
	}
	want := []manifest.Entity{
		{
			Kind: "Component", Namespace: "default", Name: "Billing_API", Line: 1, Type: "service", Lifecycle: "production",
			Owner: manifest.Ref{Kind: "group", Namespace: "acme", Name: "Payments"},
			Service: slipway.Service{
				Name: "billing-api", Title: "Billing", Team: "payments", Description: "Sends invoices",
				Repository: "https://github.com/acme/billing", Tags: []string{"go", "c++"},
				Links: []slipway.Link{{Title: "Wiki", URL: "https://wiki.example.com"}, {Title: "link", URL: "https://example.com"}},
			},
			Notes: []string{
				"Billing_API is called billing-api here.",
				"Slipway has no namespaces; the owner group:acme/Payments is the team Payments.",
				"Payments is called payments here.",
			},
		},
		{Kind: "API", Namespace: "default", Name: "billing", Line: 17, Skipped: "Slipway reads components, and this is of kind API"},
		{Kind: "Location", Namespace: "default", Name: "more", Line: 22, Skipped: "Slipway does not follow locations; send the file it points at"},
		{
			Kind: "Component", Namespace: "default", Name: "web", Line: 27, Type: "website", Lifecycle: "experimental",
			Owner:   manifest.Ref{Kind: "group", Namespace: "default", Name: "growth"},
			Service: slipway.Service{Name: "web", Team: "growth"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func component(name, spec, more string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: " + name + "\n" + more + "spec:\n  type: service\n" + spec
}

func TestFaultsOfACatalog(t *testing.T) {
	t.Parallel()
	const owned = "  owner: payments\n"
	tests := []struct{ name, source, want string }{
		{"empty", "---\n", "the file is empty."},
		{"no object", "- a\n", "line 1: is an object with apiVersion, kind or metadata, not a list."},
		{"no kind", "apiVersion: backstage.io/v1alpha1\n", "line 1: kind: is missing."},
		{"no name, no owner", "apiVersion: backstage.io/v1alpha1\nkind: Component\n", "line 1: metadata.name: is missing."},
		{"no owner", component("web", "", ""), "line 1: spec.owner: is missing."},
		{"other version", strings.Replace(component("web", owned, ""), "backstage.io/v1alpha1", "v1", 1),
			`line 1: apiVersion: is backstage.io/v1alpha1, not "v1".`},
		{"a person owns it", component("web", "  owner: user:ana\n", ""), "line 7: spec.owner: is a user; a service belongs to a team, so name a group."},
		{"no reference", component("web", "  owner: a/b/c\n", ""), `line 7: spec.owner: is [kind:][namespace/]name, not "a/b/c".`},
		{"bad name", component("-web", owned, ""),
			`line 4: metadata.name: "-web" is no name; it may hold letters, digits, -, _ and ., begins and ends with a letter or digit, and is at most 63 long.`},
		{"would fetch", component("web", owned, "  description:\n    $text: http://169.254.169.254/\n"),
			"line 6: $text: would fetch another file, which Slipway never does; write the content here. line 6: metadata.description: is a text, not an object."},
		{"bad link, tag and slug", component("web", owned, "  links: [{url: \"javascript:x\"}]\n  tags: [A]\n  annotations:\n    github.com/project-slug: ../..//x\n"),
			`line 8: metadata.annotations.github.com/project-slug: is owner/repository, not "../..//x". ` +
				"line 6: metadata.tags[0]: may hold a-z, 0-9, :, +, # and single -, and is at most 63 long. " +
				"line 5: metadata.links[0].url: must be an http or https address."},
		{"twice, but for case", component("web", owned, "") + "---\n" + component("WEB", owned, ""),
			"line 9: metadata.name: Component WEB is in the file twice, first in line 1."},
		{"the same to us", component("a.b", owned, "") + "---\n" + component("a_b", owned, ""),
			"line 9: metadata.name: a_b would be the service a-b, as the component in line 1 is."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := manifest.ParseCatalogInfo([]byte(test.source))
			var e *slipway.Error
			if !errors.As(err, &e) || e.Code != slipway.CodeInvalid {
				t.Fatalf("error = %v", err)
			}
			var got []string
			for _, f := range e.Fields {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseCatalogInfo(f *testing.F) {
	f.Add([]byte(catalog))
	f.Add([]byte(component("web", "  owner: &a group:x\n", "  tags: *a\n")))
	f.Fuzz(func(t *testing.T, source []byte) {
		entities, err := manifest.ParseCatalogInfo(source)
		if err != nil && slipway.CodeOf(err) != slipway.CodeInvalid {
			t.Fatalf("not an answer about the file: %v", err)
		}
		for _, e := range entities {
			if e.Skipped == "" && (slipway.CheckName(e.Service.Name) != "" || slipway.CheckName(e.Service.Team) != "") {
				t.Fatalf("let in: %+v", e.Service)
			}
		}
	})
}
