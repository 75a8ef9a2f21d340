// Package server is the HTTP side of Slipway: sessions, cross-origin
// protection, error pages and the list of routes. Its subpackages are the
// surfaces: browser, rest and chatops, each a thin layer over internal/app.
package server

import (
	"fmt"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Access is what a route declares about who may come in. Declaring is no
// check: internal/app asks for the permission on the very resource. It exists
// so that no route can be added without a thought, and so that tests can walk
// all of them.
type Access struct {
	Public     bool               // no one needs to be signed in
	SignedIn   bool               // anybody who is signed in; what they see is narrowed
	Permission slipway.Permission // the permission that the use case behind it asks for
}

// Public, SignedIn and Needs are the three ways to declare a route's access.
func Public() Access                    { return Access{Public: true} }
func SignedIn() Access                  { return Access{SignedIn: true} }
func Needs(p slipway.Permission) Access { return Access{Permission: p} }
func (a Access) declared() bool         { return a.Public || a.SignedIn || a.Permission != "" }

// Route is one line of the route list.
type Route struct {
	Method  string
	Path    string // echo's notation: /s/:service
	Access  Access
	Handler echo.HandlerFunc
}

// Surface is a set of routes with one way of authenticating and of showing
// errors.
type Surface interface {
	Routes() []Route
	// Authenticate puts the actor into the request (SetActor), or leaves it
	// anonymous. An error ends the request.
	Authenticate(c echo.Context) error
	// ShowError answers with an error in the surface's own form.
	ShowError(c echo.Context, err error) error
}

const (
	actorKey  = "slipway.actor"
	provenKey = "slipway.proven"
	serverKey = "slipway.server"
)

// SetActor remembers who is asking.
func SetActor(c echo.Context, a slipway.Actor) { c.Set(actorKey, a) }

// ActorOf returns who is asking; the zero Actor is anonymous.
func ActorOf(c echo.Context) slipway.Actor {
	a, _ := c.Get(actorKey).(slipway.Actor)
	return a
}

// SetProven says that the caller has proven who it is, though it is nobody of
// ours: a chat system by its signature. Its requests are not counted as those
// of a stranger.
func SetProven(c echo.Context) { c.Set(provenKey, true) }

func proven(c echo.Context) bool {
	yes, _ := c.Get(provenKey).(bool)
	return yes
}

// checkRoutes refuses to start with a route that declares nothing, or two
// things, or that another route hides.
func checkRoutes(routes []Route) error {
	seen := map[string]string{}
	for _, r := range routes {
		if !r.Access.declared() {
			return fmt.Errorf("route %s %s declares no access", r.Method, r.Path)
		}
		if (r.Access.Public && r.Access.SignedIn) || (r.Access.Public && r.Access.Permission != "") {
			return fmt.Errorf("route %s %s is public and is not", r.Method, r.Path)
		}
		if r.Handler == nil || r.Method == "" || !strings.HasPrefix(r.Path, "/") {
			return fmt.Errorf("route %s %s is not complete", r.Method, r.Path)
		}
		shape := r.Method + " " + shapeOf(r.Path)
		if other, taken := seen[shape]; taken {
			return fmt.Errorf("route %s %s is the same as %s", r.Method, r.Path, other)
		}
		seen[shape] = r.Path
	}
	return nil
}

// shapeOf is a path without the names of its parameters: /s/:a and /s/:b are
// one route to the router, and the later would silently win.
func shapeOf(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") {
			segments[i] = ":"
		}
	}
	return strings.Join(segments, "/")
}
