package static_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/static"
)

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestServesHashedNamesForEver(t *testing.T) {
	t.Parallel()
	a, err := static.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "htmx.js": "text/javascript; charset=utf-8",
		"instrument-sans.woff2": "font/woff2", "geist-mono.woff2": "font/woff2", "favicon.svg": "image/svg+xml", "favicon-waiting.svg": "image/svg+xml", "favicon-failed.svg": "image/svg+xml",
	} {
		path := a.Path(name)
		res := get(t, a.Handler(), path)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != kind || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %q %q", path, res.StatusCode, res.Header.Get("Content-Type"), res.Header.Get("Cache-Control"))
		}
		if again := get(t, a.Handler(), path, "If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: known content was sent again, %d", path, again.StatusCode)
		}
	}
	for _, path := range []string{"/static/app.css", "/static/", "/static/../static.go", a.Path("nothing.js")} {
		if res := get(t, a.Handler(), path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, res.StatusCode)
		}
	}
}

func TestCompressesOnlyForThoseWhoAsk(t *testing.T) {
	t.Parallel()
	a, err := static.New()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(get(t, a.Handler(), a.Path("app.css")).Body)
	if err != nil {
		t.Fatal(err)
	}
	res := get(t, a.Handler(), a.Path("app.css"), "Accept-Encoding", "br, gzip")
	zip, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	if string(unzipped) != string(plain) {
		t.Error("the compressed style is another one")
	}
	if res := get(t, a.Handler(), a.Path("app.css"), "Accept-Encoding", "gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
		t.Error("gzip was refused and sent all the same")
	}
}

// TestStaysLight keeps the promises about size: people on slow lines pay for each
// byte, and a page without its fonts must come in well under 100 KB.
func TestStaysLight(t *testing.T) {
	t.Parallel()
	a, err := static.New()
	if err != nil {
		t.Fatal(err)
	}
	size := func(name string, header ...string) int {
		body, err := io.ReadAll(get(t, a.Handler(), a.Path(name), header...).Body)
		if err != nil {
			t.Fatal(err)
		}
		return len(body)
	}
	if n := size("app.js"); n >= 8<<10 {
		t.Errorf("own script is %d bytes, must stay under 8 KB", n)
	}
	if n := size("instrument-sans.woff2") + size("geist-mono.woff2"); n > 60<<10 {
		t.Errorf("fonts are %d bytes, must stay under 60 KB", n)
	}
	first := 0
	for _, name := range []string{"app.css", "app.js", "htmx.js", "instrument-sans.woff2", "geist-mono.woff2", "favicon.svg", "chevron.svg"} {
		first += size(name, "Accept-Encoding", "gzip")
	}
	if first > 95<<10 {
		t.Errorf("a first visit loads %d bytes before its page", first)
	}
	t.Logf("own script %d bytes, first visit %d bytes", size("app.js"), first)
}
