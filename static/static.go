// Package static holds what browsers fetch once and keep: style, script, fonts,
// icons. Everything is served under a name that carries a hash of its content, so
// it may be cached for ever, and a new version is a new name.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

//go:embed css js fonts icons vendor
var files embed.FS

// prefix is where the server mounts Handler.
const prefix = "/static/"

// The parts of the two bundles, in the order in which they are joined. Joining
// here needs no build step, and a page asks for one file of each.
func styleParts() []string {
	return []string{"css/reset.css", "css/tokens.css", "css/base.css", "css/layout.css",
		"css/board.css", "css/components.css", "css/forms.css", "css/pages.css", "css/utilities.css"}
}

func scriptParts() []string {
	return []string{"js/time.js", "js/copy.js", "js/forms.js", "js/keys.js", "js/live.js"}
}

// single are the files that are served as they are.
func single() map[string]string {
	return map[string]string{
		"htmx.js":               "vendor/htmx.js",
		"htmx-sse.js":           "vendor/htmx-sse.js",
		"instrument-sans.woff2": "fonts/instrument-sans.woff2",
		"geist-mono.woff2":      "fonts/geist-mono.woff2",
		"chevron.svg":           "icons/chevron.svg",
		"favicon.svg":           "icons/favicon.svg",
		"favicon-waiting.svg":   "icons/favicon-waiting.svg",
		"favicon-failed.svg":    "icons/favicon-failed.svg",
	}
}

type asset struct {
	kind string
	body []byte
	gzip []byte // nil when compressing does not help
	etag string
}

// Assets is the set of files with their hashed names. It does not change after New
// and may be used from any goroutine.
type Assets struct {
	path   map[string]string // "app.css" → "/static/app.3fa9c1d2.css"
	served map[string]asset  // "app.3fa9c1d2.css" → content
}

// New reads, joins, hashes and compresses the embedded files once.
func New() (*Assets, error) {
	a := &Assets{path: map[string]string{}, served: map[string]asset{}}
	for name, file := range single() {
		body, err := files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("static: %w", err)
		}
		if err := a.add(name, body); err != nil {
			return nil, err
		}
	}
	css, err := join(styleParts(), "", "")
	if err != nil {
		return nil, err
	}
	// Fonts are added already, so the style can name them by their hashed names.
	if css, err = a.link(css); err != nil {
		return nil, err
	}
	if err := a.add("app.css", css); err != nil {
		return nil, err
	}
	// A block around each module keeps its names to itself, as a file of its own would.
	js, err := join(scriptParts(), "{\n", "}\n")
	if err != nil {
		return nil, err
	}
	js = regexp.MustCompile(`(?m)^\s*//.*\n`).ReplaceAll(js, nil) // comments stay at home
	js = regexp.MustCompile(`(?m)^ +`).ReplaceAll(js, nil)        // and so does what sets lines in; no text goes over lines
	return a, a.add("app.js", js)
}

func join(parts []string, before, after string) ([]byte, error) {
	var out bytes.Buffer
	for _, p := range parts {
		body, err := files.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("static: %w", err)
		}
		out.WriteString(before)
		out.Write(body)
		out.WriteString(after)
	}
	return out.Bytes(), nil
}

// link replaces url("NAME") in a style by the hashed address of NAME.
func (a *Assets) link(css []byte) ([]byte, error) {
	var missing string
	out := regexp.MustCompile(`url\("([^":]+)"\)`).ReplaceAllFunc(css, func(m []byte) []byte {
		name := string(m[len(`url("`) : len(m)-len(`")`)])
		if a.path[name] == "" {
			missing = name
		}
		return []byte(`url("` + a.path[name] + `")`)
	})
	if missing != "" {
		return nil, fmt.Errorf("static: style asks for %q, which is not there", missing)
	}
	return out, nil
}

func (a *Assets) add(name string, body []byte) error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hash[:8] + ext
	one := asset{kind: kind(ext), body: body, etag: `"` + hash[:16] + `"`}
	if ext != ".woff2" { // fonts are compressed already
		var buf bytes.Buffer
		zip, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
		if err != nil {
			return fmt.Errorf("static: %w", err)
		}
		if _, err := zip.Write(body); err != nil {
			return fmt.Errorf("static: %w", err)
		}
		if err := zip.Close(); err != nil {
			return fmt.Errorf("static: %w", err)
		}
		if buf.Len() < len(body) {
			one.gzip = buf.Bytes()
		}
	}
	a.path[name] = prefix + hashed
	a.served[hashed] = one
	return nil
}

func kind(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	default:
		return "application/octet-stream"
	}
}

// Path is the address of a file by its plain name ("app.css"). A name that does
// not exist gives an address that answers 404.
func (a *Assets) Path(name string) string {
	if p, ok := a.path[name]; ok {
		return p
	}
	return prefix + name
}

// Handler serves the hashed names under /static/ and nothing else.
func (a *Assets) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		one, ok := a.served[strings.TrimPrefix(r.URL.Path, prefix)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		one.write(w, r)
	})
}

func (one asset) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", one.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", one.etag)
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == one.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := one.body
	if one.gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = one.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the reader went away: nobody is left to tell
}

// acceptsGzip understands "gzip, br" and the refusal "gzip;q=0".
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
