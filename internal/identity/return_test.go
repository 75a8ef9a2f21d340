package identity_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/identity"
)

func TestSafeReturn(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/services", "/services/billing-api?tab=runs&x=//y", "/authors", "/services/auth", "/a/", "/x#y", "/%C3%A9"} {
		if got := identity.SafeReturn(path); got != path {
			t.Errorf("%q became %q", path, got)
		}
	}
	for _, path := range []string{
		"", "services", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n", "/a\x00b",
		"https://evil.example/", "javascript:alert(1)", "/./", "/../", "/.//evil.example", "/x/../auth/logout", "/auth", "/auth/", "/auth/logout",
		"/AUTH/login", "/%61uth/login", "/auth?x", "/%2e%2e/x", "/%5cevil.example", "/%2f%2fevil.example", "/%zz", "/a\u202eb", "/\xff",
		"/" + strings.Repeat("a", 3000), " /x", "/x//y", "/x?a=\\\\b", "/x#\\",
	} {
		if got := identity.SafeReturn(path); got != "/" {
			t.Errorf("%q is let through as %q", path, got)
		}
	}
}

func FuzzSafeReturn(f *testing.F) {
	for _, seed := range []string{"/x?y#z", "//e", "/\\e", "/%2f", "/auth", "/a/../auth"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://slipway.example/auth/callback")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := identity.SafeReturn(path)
		if got != path && got != "/" {
			t.Fatalf("%q became %q", path, got)
		}
		to, err := base.Parse(got)
		if err != nil || to.Scheme != "https" || to.Host != base.Host || strings.HasPrefix(strings.ToLower(to.Path), "/auth/") {
			t.Fatalf("%q leads to %v, %v", got, to, err)
		}
		recorder := httptest.NewRecorder()
		http.Redirect(recorder, httptest.NewRequest(http.MethodGet, base.String(), nil), got, http.StatusSeeOther)
		if location := recorder.Header().Get("Location"); strings.HasPrefix(location, "//") || !strings.HasPrefix(location, "/") {
			t.Fatalf("%q is sent as %q", got, location)
		}
	})
}
