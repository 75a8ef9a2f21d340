package process

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

func TestLogsGoOnFromACursor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	f.apply(t, 1, release(t, f.dir, "1.0.0", ""))
	f.converged(t, 1)
	lines, next, err := f.Logs(t.Context(), f.target, "", 1)
	if err != nil || len(lines) != 1 {
		t.Fatalf("%v, %v", lines, err)
	}
	want := deployers.LogLine{
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: "1.0.0/0", Stream: "stdout",
		Text: `{"time":"2026-01-02T03:04:05Z","msg":"listening"}`,
	}
	if lines[0] != want {
		t.Errorf("line %+v, want %+v", lines[0], want)
	}
	lines, next, err = f.Logs(t.Context(), f.target, next, 10)
	if err != nil || len(lines) != 1 || lines[0].Text != "plain line" || time.Since(lines[0].At) > time.Hour {
		t.Errorf("%+v, %v", lines, err)
	}
	lines, _, err = f.Logs(t.Context(), f.target, next, 10)
	if err != nil || len(lines) != 0 {
		t.Errorf("read twice: %+v, %v", lines, err)
	}
	if _, _, err := f.Logs(t.Context(), f.target, "nonsense!", 10); !deployers.IsTerminal(err) {
		t.Errorf("a foreign cursor: %v", err)
	}
}

// TestLogsAreCapped cuts the front of a file while its cursor stays right.
func TestLogsAreCapped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "1~1.0.0~0~x.out")
	var content bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&content, "line %d\n", i)
	}
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, half, err := logFile{path: path}.read(0, 19_000)
	if err != nil {
		t.Fatal(err)
	}
	capLog(path, 64<<10)
	lines, end, err := logFile{path: path}.read(0, 100_000)
	if err != nil || len(lines) == 0 || len(lines) > 5_000 || lines[len(lines)-1].Text != "line 19999" {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if !strings.HasPrefix(lines[0].Text, "line 1") || end != int64(content.Len()) {
		t.Errorf("first kept line %q, end %d of %d", lines[0].Text, end, content.Len())
	}
	if lines, _, err = (logFile{path: path}).read(half, 10); err != nil || lines[0].Text != "line 19000" {
		t.Errorf("the old cursor leads to %v, %v", lines, err)
	}
}

func TestDeadLogsAndOldArtifactsGo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	f.apply(t, 1)
	f.converged(t, 1)
	dir := targetDir(f.dir, f.target)
	for i := range 50 {
		if err := os.WriteFile(filepath.Join(dir, logsDir, logName(time.Unix(int64(i), 0), "1", 0, "x")+".out"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, artifactDir, fmt.Sprintf("%064d", i)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f.apply(t, 2)
	deployertest.Eventually(t, 10*time.Second, "old files are removed", func() (bool, string) {
		logs, _ := os.ReadDir(filepath.Join(dir, logsDir))
		artifacts, _ := os.ReadDir(filepath.Join(dir, artifactDir))
		said := fmt.Sprintf("%d logs, %d artifacts", len(logs), len(artifacts))
		return len(logs) == keptDeadLogs && len(artifacts) == keptArtifacts, said
	})
}
