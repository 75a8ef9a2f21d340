package walls_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"testing"

	"github.com/slipway-dev/slipway/e2e/walls"
)

// listed is the part of `go list -json` that says who imports what.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestNoImportCrossesAWall(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; seen++ {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list said something else: %v", err)
		}
		if why := walls.Violation(p.ImportPath, p.ImportPath, false); why != "" {
			t.Errorf("%s: %s", p.ImportPath, why)
			continue
		}
		check(t, p.ImportPath, p.Imports, false)
		check(t, p.ImportPath, p.TestImports, true)
		check(t, p.ImportPath, p.XTestImports, true)
	}
	if seen < 5 {
		t.Fatalf("only %d packages were looked at; this is not the whole house", seen)
	}
}

func check(t *testing.T, pkg string, imports []string, test bool) {
	t.Helper()
	for _, imp := range imports {
		if why := walls.Violation(pkg, imp, test); why != "" {
			t.Errorf("%s imports %s: %s", pkg, imp, why)
		}
	}
}
