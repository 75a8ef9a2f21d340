package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// pages is a surface for people, as small as can be.
type pages struct{}

func (pages) Routes() []Route {
	return []Route{
		{http.MethodGet, "/", SignedIn(), func(c echo.Context) error { return c.HTML(200, "<p>Hello "+ActorOf(c).Name) }},
		{http.MethodGet, "/sign-in", Public(), func(c echo.Context) error { return c.HTML(200, "<p>Sign in") }},
		{http.MethodGet, "/s/:service", Needs(slipway.ServiceRead), func(c echo.Context) error { return c.HTML(200, "<p>"+c.Param("service")) }},
		{http.MethodPost, "/s/:service", Needs(slipway.ServiceRegister), func(c echo.Context) error {
			if _, err := c.FormParams(); err != nil {
				return err
			}
			return c.Redirect(303, "/s/"+c.Param("service"))
		}},
		{http.MethodGet, "/panic", Public(), func(echo.Context) error { panic("s3cret-of-the-panic") }},
		{http.MethodGet, "/broken", Public(), func(echo.Context) error { return fmt.Errorf("dial tcp: s3cret-of-the-error") }},
		{http.MethodGet, "/large", Public(), func(c echo.Context) error { return c.HTML(200, strings.Repeat("long ", 1000)) }},
	}
}

func (pages) Authenticate(c echo.Context) error {
	actor, _, err := SessionActor(c)
	if err != nil && slipway.CodeOf(err) != slipway.CodeUnauthenticated {
		return err
	}
	SetActor(c, actor)
	return nil
}

func (pages) ShowError(c echo.Context, err error) error {
	p := Describe(err, RequestID(c.Request().Context()))
	return c.HTML(p.Status, fmt.Sprintf("<h1>%s</h1><p>%s %s <p>Request %s", p.Message, p.Affected, p.Do, p.RequestID))
}

// api is a surface for machines. Its token is "good".
type api struct{}

func (api) Routes() []Route {
	return []Route{
		{http.MethodGet, "/api/v1/services/:service", Needs(slipway.ServiceRead), func(c echo.Context) error { return c.JSON(200, ActorOf(c).ID) }},
		{http.MethodPost, "/api/v1/services", Needs(slipway.ServiceRegister), func(c echo.Context) error {
			var in map[string]any
			if err := c.Bind(&in); err != nil {
				return err
			}
			return c.JSON(200, in)
		}},
	}
}

func (api) Authenticate(c echo.Context) error {
	switch c.Request().Header.Get("Authorization") {
	case "":
		return nil
	case "Bearer good":
		SetActor(c, slipway.Actor{Kind: slipway.ActorServiceAccount, ID: "robot"})
		return nil
	default:
		return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "The token is not valid."}
	}
}

func (api) ShowError(c echo.Context, err error) error {
	p := Describe(err, RequestID(c.Request().Context()))
	return c.JSON(p.Status, map[string]any{"code": p.Code, "message": p.Message, "request": p.RequestID})
}
