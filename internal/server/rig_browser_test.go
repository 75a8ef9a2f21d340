package server

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// browser keeps cookies and follows no redirects.
type browser struct {
	*http.Client
	r *rig
}

func (r *rig) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, r}
}

func (b *browser) do(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	b.r.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.r.url + path
	}
	request, err := http.NewRequestWithContext(context.Background(), method, path, body)
	if err != nil {
		b.r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.Do(request)
	if err != nil {
		b.r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.r.t.Fatal(err)
	}
	return response, string(text)
}

func (b *browser) get(path string, headers ...string) (*http.Response, string) {
	b.r.t.Helper()
	return b.do(http.MethodGet, path, nil, headers...)
}

func (b *browser) post(path string, form url.Values, headers ...string) (*http.Response, string) {
	b.r.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

// toCallback goes the way to the provider, chooses a person and returns the
// address that the provider sends the browser back to.
func (b *browser) toCallback(person, back string) string {
	b.r.t.Helper()
	response, _ := b.get("/auth/login?return=" + url.QueryEscape(back))
	for response.StatusCode/100 == 3 {
		response, _ = b.get(response.Header.Get("Location"))
	}
	id := regexp.MustCompile(`id=([^&]+)`).FindStringSubmatch(response.Request.URL.RawQuery)
	if id == nil {
		b.r.t.Fatalf("no sign-in page: %s at %s", response.Status, response.Request.URL)
	}
	response, body := b.post("/dev/issuer/login", url.Values{"id": {id[1]}, "person": {person}})
	for response.StatusCode/100 == 3 {
		location := response.Header.Get("Location")
		if strings.HasPrefix(location, b.r.url+"/auth/callback") {
			return location
		}
		response, body = b.get(location)
	}
	b.r.t.Fatalf("the provider did not send back: %s\n%s", response.Status, body)
	return ""
}

// signIn returns where the browser is sent in the end.
func (b *browser) signIn(person, back string) string {
	b.r.t.Helper()
	response, body := b.get(b.toCallback(person, back))
	if response.StatusCode != http.StatusSeeOther {
		b.r.t.Fatalf("callback: %s\n%s", response.Status, body)
	}
	return response.Header.Get("Location")
}

func (b *browser) cookie() string {
	u, _ := url.Parse(b.r.url)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == "slipway" {
			return c.Value
		}
	}
	return ""
}
