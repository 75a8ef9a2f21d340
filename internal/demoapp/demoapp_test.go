package demoapp

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestBundleIsAnArtifactWithADigest(t *testing.T) {
	t.Parallel()
	b := Bundle{Service: "billing-api", Version: "1.42.0", Colour: "teal"}
	path, digest, err := WriteBundle(t.TempDir(), b)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if want := "sha256:" + hex.EncodeToString(sum[:]); digest != want {
		t.Errorf("digest %s, want %s", digest, want)
	}
	if got, err := readBundle(path); err != nil || got != b {
		t.Errorf("read back %+v, %v", got, err)
	}
	_, again, err := WriteBundle(t.TempDir(), b)
	if err != nil || again != digest {
		t.Errorf("the same bundle gave another digest: %s, %v", again, err)
	}
}

func TestBundleRefusesWhatItCannotShow(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]Bundle{
		"path in version": {Service: "a", Version: "../1"},
		"css in colour":   {Service: "a", Version: "1", Colour: "red;}body{"},
		"no service":      {Version: "1"},
		"unknown failure": {Service: "a", Version: "1", Fail: "explode"},
	} {
		if _, _, err := WriteBundle(t.TempDir(), b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fail            Fail
		health, a, then int
	}{
		{FailNone, 200, 200, 200},
		{FailNeverReady, 503, 200, 200},
		{FailErrors, 200, 500, 200},
	} {
		server := serveBundle(t, c.fail)
		if got := get(t, server.URL+"/healthz"); got != c.health {
			t.Errorf("%q: /healthz answered %d, want %d", c.fail, got, c.health)
		}
		if got := get(t, server.URL+"/"); got != c.a {
			t.Errorf("%q: / answered %d, want %d", c.fail, got, c.a)
		}
		if got := get(t, server.URL+"/"); got != c.then {
			t.Errorf("%q: / answered %d, want %d", c.fail, got, c.then)
		}
	}
}

func TestBreak(t *testing.T) {
	t.Parallel()
	server := serveBundle(t, FailNone)
	for _, how := range []string{"errors", "unready"} {
		response, err := http.Post(server.URL+"/break?how="+how, "text/plain", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	if a, b := get(t, server.URL+"/"), get(t, server.URL+"/healthz"); a != 500 || b != 503 {
		t.Errorf("after /break: page %d, health %d", a, b)
	}
	request, _ := http.NewRequest(http.MethodPost, server.URL+"/break?how=errors", nil)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("another site may press /break: %d", response.StatusCode)
	}
}

func TestPageShowsTheVersionInItsColour(t *testing.T) {
	t.Parallel()
	server := serveBundle(t, FailNone)
	response, err := http.Get(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	for _, want := range []string{"web", "1.0.0", "--version: #abcdef", "local"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
}

func TestMainServesUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	path, _, err := WriteBundle(t.TempDir(), Bundle{Service: "web", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Main(ctx, []string{"--bundle", path, "--listen", "127.0.0.1:0"}, writer) }()

	lines := bufio.NewScanner(reader)
	if !lines.Scan() {
		t.Fatal("no first line")
	}
	var line struct{ Msg, Address string }
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Msg != "listening" {
		t.Fatalf("first line %q: %v", lines.Text(), err)
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	if got := get(t, "http://"+line.Address+"/version"); got != 200 {
		t.Errorf("/version answered %d", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Main: %v", err)
	}
}

func TestMainCrashes(t *testing.T) {
	t.Parallel()
	path, _, err := WriteBundle(t.TempDir(), Bundle{Service: "web", Version: "1.0.0", Fail: FailCrash})
	if err != nil {
		t.Fatal(err)
	}
	err = Main(t.Context(), []string{"--bundle", path, "--listen", "127.0.0.1:0"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "made to crash") {
		t.Errorf("Main: %v", err)
	}
}

func serveBundle(t *testing.T, fail Fail) *httptest.Server {
	t.Helper()
	path, _, err := WriteBundle(t.TempDir(), Bundle{Service: "web", Version: "1.0.0", Colour: "#abcdef", Fail: fail})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := readBundle(path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newApp(bundle, slog.New(slog.DiscardHandler)).handler())
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}
