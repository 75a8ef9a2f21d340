// Package walls keeps the rooms of the house apart. It is the second of two
// independent checks of the same table; the first is depguard in .golangci.yml.
package walls

import "strings"

// Module is the path that all our rooms start with.
const Module = "github.com/slipway-dev/slipway"

// room says what one part of the house may import of the rest of it, outside of
// its tests. Its own packages are always open to it.
type room struct {
	path    string   // below Module
	inner   bool     // packages below path belong to the room as well
	may     []string // below Module; a trailing /... takes what is below, too
	stdOnly bool     // apart from `may`, the standard library and nothing else
}

// rooms is the whole house: a package that no line here covers is an error, so
// that a new room starts with a decision about its walls.
func rooms() []room {
	surface := []string{
		"internal/app", "internal/slipway", "internal/identity/...", "internal/manifest", "internal/chat",
		"internal/server/...", "static",
	}
	return []room{
		{path: "cmd", inner: true, may: []string{"..."}},
		{path: "e2e", inner: true, may: []string{"..."}},
		{path: "internal/slipway", stdOnly: true},
		{path: "internal/policy", may: []string{"internal/slipway"}, stdOnly: true},
		{path: "internal/app", inner: true, may: []string{"internal/slipway", "internal/policy"}, stdOnly: true},
		{path: "internal/engine", inner: true, may: []string{"internal/slipway", "deployers"}, stdOnly: true},
		{path: "internal/store", inner: true, may: []string{"internal/slipway", "migrations/..."}},
		{path: "internal/secrets", inner: true, may: []string{"internal/slipway"}},
		{path: "internal/identity", inner: true, may: []string{"internal/slipway"}},
		{path: "internal/manifest", may: []string{"internal/slipway"}},
		{path: "internal/server/browser", inner: true, may: append([]string{"web/..."}, surface...)},
		{path: "internal/server", inner: true, may: surface},
		{path: "internal/client", may: []string{"internal/slipway"}, stdOnly: true},
		{path: "internal/demoapp", stdOnly: true},
		{path: "internal/jobs", may: []string{"deployers"}, stdOnly: true}, // for what hides secrets, of which there is one
		{path: "internal/outbound", stdOnly: true},
		{path: "internal/chat", inner: true, may: []string{"internal/slipway"}, stdOnly: true},
		{path: "internal/checks", inner: true, may: []string{"internal/slipway", "internal/outbound"}},
		{path: "internal/notify", inner: true, may: []string{"internal/slipway", "internal/outbound", "internal/chat"}, stdOnly: true},
		{path: "internal/provenance", inner: true, may: []string{"internal/slipway"}},
		{path: "internal/calendar", may: []string{"internal/slipway"}},
		{path: "internal/demo", may: []string{
			"internal/app", "internal/engine", "internal/slipway", "internal/manifest", "internal/demoapp", "deployers/...",
		}},
		{path: "web", inner: true},
		{path: "static", stdOnly: true},
		{path: "migrations", inner: true, stdOnly: true},
		{path: "deployers", stdOnly: true},
		// Two of them carry the same documents to deployers of other people.
		{path: "deployers/exec", inner: true, may: []string{"deployers", "deployers/protocol"}},
		{path: "deployers/webhook", inner: true, may: []string{"deployers", "deployers/protocol"}},
		{path: "deployers/*", inner: true, may: []string{"deployers"}},
	}
}

// homes says where a library may be imported, tests included. An empty list:
// nowhere.
func homes() map[string][]string {
	store := []string{"internal/store", "e2e"}
	server := []string{"internal/server", "e2e"}
	checks := []string{"internal/checks"}
	provenance := []string{"internal/provenance"}
	kubernetes := []string{"deployers/kubernetes"}
	return map[string][]string{
		"gorm.io":                                 store,
		"github.com/riverqueue":                   store,
		"github.com/jackc/pgx":                    store,
		"github.com/lib/pq":                       store,
		"modernc.org/sqlite":                      store,
		"github.com/pressly/goose":                store,
		"github.com/mattn/go-sqlite3":             {},
		"github.com/labstack":                     server,
		"github.com/danielgtaylor/huma":           server,
		"github.com/coder/websocket":              {"internal/server/chatops", "e2e"},
		"github.com/a-h/templ":                    {"web", "internal/server/browser"},
		"github.com/hashicorp/vault":              {"internal/secrets", "e2e"},
		"github.com/hashicorp/terraform-exec":     {"deployers/terraform"},
		"github.com/google/cel-go":                checks,
		"github.com/prometheus/client_golang/api": checks,
		"github.com/sigstore":                     provenance,
		"github.com/in-toto":                      provenance,
		"github.com/teambition/rrule-go":          {"internal/calendar"},
		"k8s.io":                                  kubernetes,
		"sigs.k8s.io":                             kubernetes,
		"github.com/fluxcd":                       kubernetes,
	}
}

// Violation says why pkg must not import imp, or returns nothing. Both are whole
// import paths; test says that the import stands in a test of pkg.
func Violation(pkg, imp string, test bool) string {
	in := strings.TrimPrefix(strings.TrimPrefix(pkg, Module), "/")
	for library, allowed := range homes() {
		if below(imp, library) && !anyBelow(in, allowed) {
			return library + " may not be imported here"
		}
	}
	r, at, found := roomOf(in)
	if !found {
		return "no room of that name: add it to e2e/walls/table.go and .golangci.yml"
	}
	if test {
		return ""
	}
	if imp != Module && !below(imp, Module) {
		if r.stdOnly && strings.Contains(strings.Split(imp, "/")[0], ".") {
			return at + " imports the standard library only"
		}
		return ""
	}
	want := strings.TrimPrefix(strings.TrimPrefix(imp, Module), "/")
	if want == at || r.inner && below(want, at) || matches(want, r.may) {
		return ""
	}
	return at + " may not know " + want
}

// roomOf finds the most particular room of a package, and the path it stands at.
func roomOf(in string) (found room, at string, ok bool) {
	for _, r := range rooms() {
		path := r.path
		if parent, wild := strings.CutSuffix(path, "/*"); wild {
			name, _, _ := strings.Cut(strings.TrimPrefix(in, parent+"/"), "/")
			path = parent + "/" + name
		}
		if (in == path || r.inner && below(in, path)) && len(path) > len(at) {
			found, at, ok = r, path, true
		}
	}
	return found, at, ok
}

func matches(want string, patterns []string) bool {
	for _, p := range patterns {
		prefix, open := strings.CutSuffix(p, "...")
		prefix = strings.TrimSuffix(prefix, "/")
		if want == prefix || open && (prefix == "" || below(want, prefix)) {
			return true
		}
	}
	return false
}

func anyBelow(path string, roots []string) bool {
	for _, root := range roots {
		if below(path, root) {
			return true
		}
	}
	return false
}

// below reports whether path is root or lies under it; x/yz is not below x/y.
func below(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
