package server

import (
	"compress/gzip"
	"maps"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// policyCSP lets a page use what this server serves, and nothing inline. A page
// into which somebody managed to write a script does not run it.
const policyCSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets what every answer carries. A handler may replace Cache-Control;
// nobody has a reason to replace the rest.
func (s *Server) headers() echo.MiddlewareFunc {
	fixed := map[string]string{
		"Content-Security-Policy":      policyCSP,
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin", // our own need it: see signInAgain
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
		"X-Frame-Options":              "DENY", // for what does not know frame-ancestors
		"Cache-Control":                "private, no-cache",
	}
	if s.origin.Scheme == "https" {
		// The origin check of net/http ignores the scheme, so plain http must
		// not exist for this host.
		fixed["Strict-Transport-Security"] = "max-age=31536000"
	}
	shared := http.Header{} // one copy of the values for all answers; Set replaces and never writes into them
	for name, value := range fixed {
		shared[http.CanonicalHeaderKey(name)] = []string{value}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			maps.Copy(c.Response().Header(), shared)
			return next(c)
		}
	}
}

// refuseCross refuses changes that another site's page asks for. It covers
// surfaces without cookies too: browsers have no business there from outside,
// and machines send neither Origin nor Sec-Fetch-Site.
func refuseCross(cross *http.CrossOriginProtection) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := cross.Check(c.Request()); err != nil {
				return &slipway.Error{
					Code: slipway.CodeDenied, Message: "The request came from a page of another site.",
					Affected: "Nothing was changed.", Do: "Open Slipway itself and do it there.", Err: err,
				}
			}
			return next(c)
		}
	}
}

// Limits of bodies. A form is typed by a person, a manifest may be generated.
const (
	maxBody = 1 << 20
	maxForm = 512 << 10
)

// limitBody refuses a body that says it is too large, and cuts off one that
// turns out to be.
func limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		limit := int64(maxBody)
		if kind := r.Header.Get(echo.HeaderContentType); strings.HasPrefix(kind, echo.MIMEApplicationForm) || strings.HasPrefix(kind, echo.MIMEMultipartForm) {
			limit = maxForm
		}
		if r.ContentLength > limit {
			return errTooLarge()
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
		}
		return next(c)
	}
}

// compress makes pages and JSON smaller. Streams are left alone, and so are
// assets, which were compressed once and for all. No page mixes a secret with
// what a stranger can put there, so the length gives nothing away.
func (s *Server) compress() echo.MiddlewareFunc {
	smaller := middleware.GzipWithConfig(middleware.GzipConfig{Level: gzip.BestSpeed, MinLength: 1024})
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		compressed := smaller(next)
		return func(c echo.Context) error {
			if path := c.Path(); path == eventsPath || path == staticPath {
				return next(c)
			}
			return compressed(c)
		}
	}
}

// rememberServer lets handlers find the server without being given it: a
// surface exists before the server does.
func (s *Server) rememberServer(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Set(serverKey, s)
		return next(c)
	}
}
