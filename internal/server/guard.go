package server

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// guarded is what every route goes through.
func (s *Server) guarded(r Route, surface *mounted) echo.HandlerFunc {
	_, unlimited := surface.Surface.(*machinery)
	return func(c echo.Context) error {
		if err := s.admit(c, surface, r.Access, unlimited); err != nil {
			return err
		}
		return r.Handler(c)
	}
}

// admit asks who it is, whether they are too many, and whether they must be
// signed in.
func (s *Server) admit(c echo.Context, surface *mounted, access Access, unlimited bool) error {
	if err := surface.Authenticate(c); err != nil {
		if slipway.CodeOf(err) == slipway.CodeUnauthenticated {
			// A wrong credential counts like none: guessing is bounded too.
			if limited := s.limit(c); limited != nil {
				return limited
			}
		}
		return err
	}
	if ActorOf(c).ID != "" {
		return nil
	}
	if !unlimited && !proven(c) {
		if err := s.limit(c); err != nil {
			return err
		}
	}
	if !access.Public {
		return unauthenticated()
	}
	return nil
}

func unauthenticated() error {
	return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "You are not signed in.", Do: "Sign in, or send a token."}
}

// limit counts a request of a stranger against its address.
func (s *Server) limit(c echo.Context) error {
	if s.limiter.allow(c.RealIP(), s.clock()) {
		return nil
	}
	s.metrics.limited.Inc()
	c.Response().Header().Set("Retry-After", "1")
	return errTooMany()
}

// mounted is a surface with its routes, asked for once. Its address tells
// surfaces apart.
type mounted struct {
	Surface
	routes []Route
}

func mountedOf(surface Surface) *mounted { return &mounted{Surface: surface, routes: surface.Routes()} }

// surfaceOf is the surface that shows a request's errors: the owner of the
// route, or of the paths that begin alike, or else the surface for people.
// There may be none at all.
func (s *Server) surfaceOf(c echo.Context) *mounted {
	if surface, ok := s.owners[c.Path()]; ok {
		return surface
	}
	if surface, ok := s.segments[firstSegment(c.Request().URL.Path)]; ok {
		return surface
	}
	return s.people
}

// segmentsOf tells which first segments belong to exactly one surface: an
// unknown path below /api is answered by whoever has /api.
func segmentsOf(surfaces []*mounted) map[string]*mounted {
	owners := map[string]*mounted{}
	for _, surface := range surfaces {
		for _, r := range surface.routes {
			segment := firstSegment(r.Path)
			if segment == "" || strings.HasPrefix(segment, ":") {
				continue
			}
			if other, taken := owners[segment]; taken && other != surface {
				owners[segment] = surfaces[0]
				continue
			}
			owners[segment] = surface
		}
	}
	return owners
}

func firstSegment(path string) string {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return segment
}
