package browser_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t    *testing.T
	path string
}

func (w *world) send(as, method, path string, form url.Values, header ...string) answer {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "http://example.com"+path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("X-As", as)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return answer{rec, w.t, method + " " + path}
}

func (w *world) get(as, path string) answer {
	w.t.Helper()
	return w.send(as, http.MethodGet, path, nil)
}

func (a answer) status(want int) answer {
	a.t.Helper()
	if a.Code != want {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.path, a.Code, want, visible(a.page()))
	}
	return a
}

// leadsTo checks that a form was accepted, and where the browser goes then.
func (a answer) leadsTo(path string) answer {
	a.t.Helper()
	a.status(http.StatusSeeOther)
	if got := a.Header().Get("Location"); got != path {
		a.t.Fatalf("%s leads to %s, want %s", a.path, got, path)
	}
	return a
}

// holds checks what stands in the page to the letter.
func (a answer) holds(texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.Body.String(), text) {
			a.t.Errorf("%s does not hold %s:\n%s", a.path, text, a.Body)
		}
	}
}

func (a answer) says(texts ...string) answer {
	a.t.Helper()
	all := visible(a.page())
	for _, text := range texts {
		if !strings.Contains(all, text) {
			a.t.Errorf("%s does not say %q\n%s", a.path, text, all)
		}
	}
	return a
}

func (a answer) page() *html.Node {
	a.t.Helper()
	doc, err := html.Parse(bytes.NewReader(a.Body.Bytes()))
	must(a.t, err)
	return doc
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func elements(n *html.Node, tags ...string) []*html.Node {
	var found []*html.Node
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && slices.Contains(tags, c.Data) {
			found = append(found, c)
		}
	}
	return found
}

// visible is the text of a page with single spaces.
func visible(n *html.Node) string {
	var words []string
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.Data != "script" && c.Parent.Data != "style" {
			words = append(words, strings.Fields(c.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// form finds the form that is sent to an address, and fills in what a browser
// would send if nobody touched it.
func (a answer) form(action string) url.Values {
	a.t.Helper()
	for _, f := range elements(a.page(), "form") {
		if attr(f, "action") != action || attr(f, "method") != "post" {
			continue
		}
		values := url.Values{}
		for _, field := range elements(f, "input", "textarea", "select") {
			name, kind := attr(field, "name"), attr(field, "type")
			switch {
			case name == "" || has(field, "disabled"):
			case field.Data == "textarea":
				values.Add(name, strings.TrimPrefix(visibleRaw(field), "\n"))
			case field.Data == "select":
				if option, ok := chosen(field); ok {
					values.Add(name, option)
				}
			case kind == "radio" || kind == "checkbox":
				if has(field, "checked") {
					values.Add(name, attr(field, "value"))
				}
			default:
				values.Add(name, attr(field, "value"))
			}
		}
		return values
	}
	a.t.Fatalf("%s has no form for %s", a.path, action)
	return nil
}

func chosen(field *html.Node) (string, bool) {
	options := elements(field, "option")
	for _, o := range options {
		if has(o, "selected") {
			return attr(o, "value"), true
		}
	}
	for _, o := range options {
		if !has(o, "disabled") {
			return attr(o, "value"), true
		}
	}
	return "", false
}

func visibleRaw(n *html.Node) string {
	var text strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			text.WriteString(c.Data)
		}
	}
	return text.String()
}

// fill opens a page as somebody, fills in a form of it and sends it.
func (w *world) fill(as, page, action string, pairs ...string) answer {
	w.t.Helper()
	form := w.get(as, page).status(http.StatusOK).form(action)
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return w.send(as, http.MethodPost, action, form, "Referer", "http://example.com"+page)
}
