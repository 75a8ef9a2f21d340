// Package server is the HTTP side of Slipway: sessions, cross-origin
// protection, error pages and the list of routes. Its subpackages are the
// surfaces: browser, rest and chatops, each a thin layer over internal/app.
package server

import (
	"fmt"

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

const actorKey = "slipway.actor"

// SetActor remembers who is asking.
func SetActor(c echo.Context, a slipway.Actor) { c.Set(actorKey, a) }

// ActorOf returns who is asking; the zero Actor is anonymous.
func ActorOf(c echo.Context) slipway.Actor {
	a, _ := c.Get(actorKey).(slipway.Actor)
	return a
}

// checkRoutes refuses to start with a route that declares nothing.
func checkRoutes(routes []Route) error {
	for _, r := range routes {
		if !r.Access.declared() {
			return fmt.Errorf("route %s %s declares no access", r.Method, r.Path)
		}
	}
	return nil
}
