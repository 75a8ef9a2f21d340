package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// full reports whether this is `make faults`, which tries every place and all
// there is. `make test` runs a short version of each.
func full() bool { return os.Getenv("SLIPWAY_FAULTS") != "" }

// counts is how often a fault is tried: in `make test`, and in `make faults`, of
// which a tenth can be asked for.
func counts(short, long int) int {
	switch {
	case !full():
		return short
	case tenth():
		return max(short, long/10)
	default:
		return long
	}
}

func tenth() bool { return os.Getenv("SLIPWAY_FAULTS") == "tenth" }

// breakableBinary is the portal with failpoints: built once, with a tag that no
// other build has.
func breakableBinary(t *testing.T) string {
	t.Helper()
	path, err := buildBreakable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildBreakable = sync.OnceValues(func() (string, error) {
	return buildIn("", filepath.Join(scratch, "slipway-breakable"))
})

// buildIn builds the portal with failpoints from the sources in dir.
func buildIn(dir, path string) (string, error) {
	build := exec.Command("go", "build", "-tags", "faults,timetzdata", "-o", path, "github.com/slipway-dev/slipway/cmd/slipway") // #nosec G204 -- our own program
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build slipway with failpoints: %w\n%s", err, out)
	}
	return path, nil
}
