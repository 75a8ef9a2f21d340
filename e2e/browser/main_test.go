// Package browser_test walks through the built binary with a real browser, the
// way people do: it signs in by the provider's pages, clicks what can be seen,
// and every tab fails its test when the console, the content policy or the
// network has something to complain about.
package browser_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/slipway-dev/slipway/e2e/portal"
)

// rig is what the tests of this binary share: one Slipway binary and one
// Chromium, in which each person gets a profile of their own.
type rig struct {
	binary  string
	browser context.Context //nolint:containedctx // chromedp hands the browser around in a context
	missing string          // why there is no browser
}

// Set once by TestMain, before any test runs.
var shared rig

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slipway-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if shared.binary, err = portal.Binary(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	chromium, err := findChromium()
	if err != nil {
		shared.missing = err.Error()
		return m.Run()
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir+"/profile"),
		chromedp.WindowSize(1440, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	browser, closeBrowser := chromedp.NewContext(allocator)
	defer closeBrowser()
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintln(os.Stderr, "start", chromium+":", err)
		return 1
	}
	shared.browser = browser
	return m.Run()
}

func findChromium() (string, error) {
	if given := os.Getenv("SLIPWAY_TEST_CHROMIUM"); given != "" {
		return given, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("Chromium is not installed; apt-get install chromium, or set SLIPWAY_TEST_CHROMIUM")
}

// needsBrowser skips the test without a browser, except where CI=true.
func needsBrowser(t testing.TB) {
	t.Helper()
	if shared.missing == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(shared.missing)
	}
	t.Skip(shared.missing)
}

// start runs a portal of the test's own.
func start(t testing.TB) *portal.Portal {
	t.Helper()
	needsBrowser(t)
	return portal.Run(t, shared.binary)
}
