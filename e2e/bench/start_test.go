package bench

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rowsVariable sets how many deployments the database holds before the start.
const rowsVariable = "SLIPWAY_BENCH_ROWS"

// BenchmarkB8Start measures from exec to ready, the memory of an idle portal
// and the size of its binary.
func BenchmarkB8Start(b *testing.B) {
	rows := count(100_000, 2_000)
	if text := os.Getenv(rowsVariable); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			b.Fatalf("%s: %v", rowsVariable, err)
		}
	}
	dir := b.TempDir()
	ours, minimal := build(b, dir, "github.com/slipway-dev/slipway/cmd/slipway"), build(b, dir, "github.com/slipway-dev/slipway/e2e/bench/minimal")
	path := filepath.Join(dir, "slipway.db")
	world := size{services: 100}
	seed(b, "sqlite:"+path, world)
	grow(b, databases()[0], "sqlite:"+path, "deployments", world, rows)
	pinGenerator(b)
	conditions(b, databases()[0], fmt.Sprintf("%d rows of deployments", rows))

	serve := func(address string) *exec.Cmd {
		cmd := pinned(serverCore, ours, "serve", "--simulated")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "SLIPWAY_DATABASE_URL=sqlite:" + path, "SLIPWAY_DATA_DIR=" + dir,
			"SLIPWAY_LISTEN=" + address, "SLIPWAY_METRICS_LISTEN=127.0.0.1:0", "SLIPWAY_PUBLIC_URL=http://" + address,
			"SLIPWAY_OIDC_ISSUER=http://127.0.0.1:9", "SLIPWAY_OIDC_CLIENT_ID=bench"}
		return cmd
	}
	bare := func(address string) *exec.Cmd { return pinned(serverCore, minimal, address, path) }
	untilReady(b, serve, 0) // warm: migrations are applied, the page cache holds what a start reads
	untilReady(b, bare, 0)
	a, l, ratio := beside(
		func() float64 { took, _ := untilReady(b, serve, 0); return ms(took) },
		func() float64 { took, _ := untilReady(b, bare, 0); return ms(took) })
	b.ReportMetric(a.median, "ready-ms")
	b.ReportMetric(l.median, "limit-ready-ms")
	b.ReportMetric(ratio.median, "ratio")
	tell(b, result{"B8 exec to ready", a.format(0) + " ms", l.format(0) + " ms, ratio " + ratio.format(1),
		[]string{goal(a.median <= 300, "≤300 ms"), goal(ratio.median <= 3, "≤3×")}, validity(b, a, l)})

	_, idle := untilReady(b, serve, 5*time.Second)
	_, least := untilReady(b, bare, 5*time.Second)
	b.ReportMetric(float64(idle)/1024, "idle-MiB")
	tell(b, result{"B8 memory after 5 s of idling", fmt.Sprintf("%.1f MiB", float64(idle)/1024), fmt.Sprintf("%.1f MiB", float64(least)/1024),
		[]string{goal(idle <= 80*1024, "≤80 MiB")}, ""})
	bytes, fewest := fileSize(b, ours), fileSize(b, minimal)
	b.ReportMetric(float64(bytes)/1e6, "binary-MB")
	tell(b, result{"B8 stripped binary", fmt.Sprintf("%.1f MB", float64(bytes)/1e6), fmt.Sprintf("%.1f MB", float64(fewest)/1e6),
		[]string{goal(bytes <= 100e6, "≤100 MB")}, ""})
}

// build builds as `make build` does.
func build(b *testing.B, dir, program string) string {
	b.Helper()
	path := filepath.Join(dir, filepath.Base(program))
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "timetzdata", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", program, err, out)
	}
	return path
}

// untilReady starts a program and returns the time from exec until it says it is
// ready and, having let it idle, its memory.
func untilReady(b *testing.B, make func(address string) *exec.Cmd, idle time.Duration) (took time.Duration, kib int) {
	b.Helper()
	address := freeAddress(b)
	cmd := make(address)
	said := &strings.Builder{}
	cmd.Stderr = said
	c := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()
	}()
	for {
		response, err := c.Get("http://" + address + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Since(began) > 30*time.Second {
			b.Fatalf("%s is not ready: %v\n%s", cmd, err, said)
		}
		wait(b.Context(), time.Millisecond)
	}
	took = time.Since(began)
	wait(b.Context(), idle)
	return took, memory(cmd.Process.Pid)
}

func freeAddress(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func fileSize(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
