// Package rest is the surface for machines: JSON under /api/v1, described by an
// OpenAPI document that is made of the very types that requests are parsed
// into. Each file is a resource: it turns the request into the command of a use
// case and the answer into a wire type. Nothing is decided here.
//
// Wire types are this package's own. The domain may change its mind; what
// scripts rely on may only grow.
package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Config is what the surface is made of.
type Config struct {
	App       *app.App
	Version   string // of the program, shown in the documentation
	PublicURL string // as clients see it, for links in answers and examples
}

// The paths outside of /api/v1. They are for everybody: they hold nothing of
// anybody's.
const (
	base         = "/api/v1"
	documentPath = "/api/openapi.json"
	docsPath     = "/api/docs"
	docsCSSPath  = "/api/docs.css"
)

// Surface is the REST surface.
type Surface struct {
	Config
	api    huma.API
	routes []server.Route
	// document and docs are made when they are first asked for: most processes
	// are never asked.
	document func() ([]byte, error)
	docs     func() ([]byte, error)
}

var _ server.Surface = (*Surface)(nil)

// New makes the surface.
func New(c Config) *Surface {
	s := &Surface{Config: c}
	s.api = newAPI(s)
	s.registerAll()
	finish(s.api)
	s.document = sync.OnceValues(func() ([]byte, error) { return encodeDocument(s.api) })
	s.docs = sync.OnceValues(s.renderDocs)
	s.routes = append(s.routes,
		server.Route{Method: http.MethodGet, Path: documentPath, Access: server.Public(), Handler: s.serve("application/json; charset=utf-8", func() ([]byte, error) { return s.document() })},
		server.Route{Method: http.MethodGet, Path: docsPath, Access: server.Public(), Handler: s.serve("text/html; charset=utf-8", func() ([]byte, error) { return s.docs() })},
		server.Route{Method: http.MethodGet, Path: docsCSSPath, Access: server.Public(), Handler: s.serve("text/css; charset=utf-8", docsCSS)},
	)
	return s
}

// OpenAPI returns the document that the surface serves. It is the same for
// every build of the same source.
func OpenAPI() ([]byte, error) { return New(Config{}).document() }

func encodeDocument(api huma.API) ([]byte, error) {
	encoded, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, encoded, "", "  "); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func (s *Surface) serve(kind string, content func() ([]byte, error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := content()
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, kind, body)
	}
}

// Routes lists the operations of the document and the documentation itself.
func (s *Surface) Routes() []server.Route { return s.routes }

// Authenticate takes the actor from a bearer token and from nothing else: a
// cookie here would let other sites' pages act in the name of who is signed in.
func (s *Surface) Authenticate(c echo.Context) error {
	switch c.Path() {
	case documentPath, docsPath, docsCSSPath:
		return nil // the same for all; an old token is no reason to refuse them
	}
	header := c.Request().Header.Get(echo.HeaderAuthorization)
	if header == "" {
		return nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "The API takes bearer tokens only.",
			Affected: "Nothing was changed.", Do: "Send Authorization: Bearer slp_..."}
	}
	id, hash, err := identity.ParseToken(strings.TrimSpace(token))
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	actor, err := s.App.Authenticate(ctx, id, hash)
	if err != nil {
		return err
	}
	actor.Via, actor.RequestID, actor.Address = slipway.ViaREST, server.RequestID(ctx), c.RealIP()
	server.SetActor(c, actor)
	return nil
}
