package faults_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// site is a call in the source at which a portal can be made to die: the
// binary with failpoints knows them by this list.
type site struct {
	Name string `json:"name"`
	File string `json:"file"`
	From int
	To   int
}

// The rooms whose calls are failpoints, and what is left out of them. A helper
// is left out because each of its callers is a place of its own.
var (
	watchedRooms = []string{"internal/engine", "internal/app"}
	helpers      = []string{"take", "takeAll", "ask", "askTarget", "guard"}
	// Of the registry only the calls count that lead there; Hand is for dev.
	// How people, command lines and builds sign in, and how chat learns who they
	// are, is one transaction each, with no call beside it.
	leftOut = []string{"internal/engine/registry.go", "internal/app/signin.go", "internal/app/device.go", "internal/app/exchange.go", "internal/app/chat_link.go"}
)

// failpoint reports whether a call is one that a kill is interesting around: a
// commit, or a call of a deployer, a check, a gate's far end, a job, the queue.
func failpoint(call string) bool {
	for _, suffix := range []string{
		".Store.Write", "e.take", "e.takeAll", "e.ask", "e.askTarget", "deployer.Apply", "deployer.Observe", "reader.Logs",
		"Deployers.Preview", "Checks.Measure", "Prober.Probe", "Waker.Wake",
		"Jobs.Start", "Jobs.Status", "Jobs.Output", "Jobs.Stop", "Jobs.AtWork",
	} {
		if strings.HasSuffix("."+call, "."+strings.TrimPrefix(suffix, ".")) {
			return true
		}
	}
	return false
}

// findSites reads the source and names each place by its function and its call,
// and by a number where a function has the same call more than once.
func findSites(root string) ([]site, error) {
	var sites []site
	for _, room := range watchedRooms {
		files, err := filepath.Glob(filepath.Join(root, room, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name, _ := filepath.Rel(root, file)
			if strings.HasSuffix(file, "_test.go") || slices.Contains(leftOut, filepath.ToSlash(name)) {
				continue
			}
			found, err := sitesOf(file, filepath.ToSlash(name))
			if err != nil {
				return nil, err
			}
			sites = append(sites, found...)
		}
	}
	return sites, nil
}

func sitesOf(path, name string) ([]site, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var sites []site
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || slices.Contains(helpers, f.Name.Name) {
			continue
		}
		seen := map[string]int{}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			callee := spelled(call.Fun)
			if !failpoint(callee) {
				return true
			}
			label := fmt.Sprintf("%s.%s/%s", filepath.Base(filepath.Dir(name)), f.Name.Name, callee[strings.Index(callee, ".")+1:])
			if seen[label]++; seen[label] > 1 {
				label = fmt.Sprintf("%s#%d", label, seen[label])
			}
			sites = append(sites, site{Name: label, File: name, From: set.Position(call.Pos()).Line, To: set.Position(call.End()).Line})
			return true
		})
	}
	return sites, nil
}

// spelled is a selector as it is written: e.Store.Write.
func spelled(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return spelled(e.X) + "." + e.Sel.Name
	default:
		return "_"
	}
}

// writeSites keeps the list for the binary.
func writeSites(t *testing.T, dir string, sites []site) string {
	t.Helper()
	text, err := json.Marshal(sites)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sites.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
