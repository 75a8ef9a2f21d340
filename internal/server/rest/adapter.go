package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
)

// adapter collects operations as routes instead of adding them to a router of
// its own, so that they are in the server's one list, behind its one guard.
// humaecho insists on the router and swallows errors; hence this one.
type adapter struct{ surface *Surface }

const accessKey = "access"

// Handle is called once for each operation.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	access, _ := op.Metadata[accessKey].(server.Access) // none: the server refuses to start
	path := strings.ReplaceAll(strings.ReplaceAll(op.Path, "{", ":"), "}", "")
	a.surface.routes = append(a.surface.routes, server.Route{Method: op.Method, Path: path, Access: access,
		Handler: func(c echo.Context) error { return exchanged(c, op, handler) }})
}

// ServeHTTP is never called: requests come through the server.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// exchange is one request and its answer, as huma sees them. The answer is held
// back until it is whole: an error takes its place and goes to the server, so
// that it is logged and shown like every other.
type exchange struct {
	op     *huma.Operation
	c      echo.Context
	ctx    context.Context
	status int
	body   bytes.Buffer
	failed error
	direct bool // the handler has written to the connection itself
}

var _ huma.Context = (*exchange)(nil)

type exchangeKey struct{}

// exchangeOf finds the exchange that a handler runs in.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

func exchanged(c echo.Context, op *huma.Operation, handler func(huma.Context)) error {
	x := &exchange{op: op, c: c}
	x.ctx = context.WithValue(c.Request().Context(), exchangeKey{}, x)
	handler(x)
	if x.failed != nil || x.direct {
		return x.failed
	}
	if x.status == 0 {
		x.status = op.DefaultStatus
	}
	c.Response().WriteHeader(x.status)
	if x.body.Len() == 0 {
		return nil
	}
	_, err := c.Response().Write(x.body.Bytes())
	return err
}

// fail lets an error be the answer. The first one counts.
func (x *exchange) fail(err error) {
	if x.failed == nil {
		x.failed = err
	}
}

func (x *exchange) Operation() *huma.Operation { return x.op }
func (x *exchange) Context() context.Context   { return x.ctx }
func (x *exchange) TLS() *tls.ConnectionState  { return x.c.Request().TLS }
func (x *exchange) Method() string             { return x.c.Request().Method }
func (x *exchange) Host() string               { return x.c.Request().Host }
func (x *exchange) RemoteAddr() string         { return x.c.Request().RemoteAddr }
func (x *exchange) URL() url.URL               { return *x.c.Request().URL }
func (x *exchange) Query(name string) string   { return x.c.QueryParam(name) }
func (x *exchange) Header(name string) string  { return x.c.Request().Header.Get(name) }

func (x *exchange) Version() huma.ProtoVersion {
	r := x.c.Request()
	return huma.ProtoVersion{Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor}
}

// Param returns a part of the path. The router hands it over as it was written
// whenever something in the path is escaped.
func (x *exchange) Param(name string) string {
	value := x.c.Param(name)
	if x.c.Request().URL.RawPath == "" {
		return value
	}
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

func (x *exchange) EachHeader(f func(name, value string)) {
	for name, values := range x.c.Request().Header {
		for _, value := range values {
			f(name, value)
		}
	}
}

// BodyReader notices a body that turns out too large: huma would call that a
// fault of ours.
func (x *exchange) BodyReader() io.Reader { return noticing{x} }

type noticing struct{ x *exchange }

func (n noticing) Read(p []byte) (int, error) {
	count, err := n.x.c.Request().Body.Read(p)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		n.x.fail(err)
	}
	return count, err
}

// GetMultipartForm refuses: no operation takes one.
func (x *exchange) GetMultipartForm() (*multipart.Form, error) {
	return nil, http.ErrNotMultipart
}

// SetReadDeadline bounds how long a client may take for its body. A recorder in
// a test knows no deadlines.
func (x *exchange) SetReadDeadline(t time.Time) error {
	err := http.NewResponseController(x.c.Response()).SetReadDeadline(t)
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

func (x *exchange) SetStatus(code int)              { x.status = code }
func (x *exchange) Status() int                     { return x.status }
func (x *exchange) SetHeader(name, value string)    { x.c.Response().Header().Set(name, value) }
func (x *exchange) AppendHeader(name, value string) { x.c.Response().Header().Add(name, value) }
func (x *exchange) BodyWriter() io.Writer           { return &x.body }
