package server

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

type requestIDKey struct{}

// RequestID is the id of the request that a context belongs to; empty outside
// of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// identify gives the request an id of our own: one that came with it could be
// anything, or the same for all.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := newRequestID(s.clock())
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), requestIDKey{}, id)))
		return next(c)
	}
}

// newRequestID is short enough to be read out over the phone and sorts by time.
func newRequestID(now time.Time) string {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails: the runtime would rather crash
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// observe writes the access log and counts.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		err := next(c)
		s.note(c, time.Since(began))
		return err
	}
}

// note is apart from observe for the sake of streams: what it needs would lie
// on the stack of each for as long as it is open. Only the pattern of the
// route is noted: a path, a query or a body may hold what is nobody's business.
func (s *Server) note(c echo.Context, took time.Duration) {
	method, route, status := methodOf(c.Request()), s.pattern(c), c.Response().Status
	s.metrics.count(method, route, status, took)
	level := slog.LevelInfo
	if s.quiet(route) {
		level = slog.LevelDebug
	}
	s.log.LogAttrs(c.Request().Context(), level, "request",
		slog.String("method", method), slog.String("route", route), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.Int64("bytes", c.Response().Size),
		slog.String("actor", ActorOf(c).ID), slog.String("address", c.RealIP()))
}

// quiet paths are asked for all the time and say nothing.
func (s *Server) quiet(path string) bool {
	return path == healthPath || path == readyPath || path == staticPath
}

// pattern is the route as it was declared. What no route matches is one thing:
// anybody can make up any number of paths.
func (s *Server) pattern(c echo.Context) string {
	if _, ok := s.owners[c.Path()]; ok {
		return c.Path()
	}
	return "unmatched"
}

// methodOf bounds the methods in logs and metrics; clients may send any word.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	default:
		return "other"
	}
}

// recovered turns a panic into an error, so that it is answered and logged like
// one, and takes nothing else down.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			r := recover()
			if r == nil {
				return
			}
			if cause, ok := r.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
				panic(r) // asks for exactly that: the connection to be cut
			}
			s.log.ErrorContext(c.Request().Context(), "panic", "route", s.pattern(c), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = errPanicked
		}()
		return next(c)
	}
}

// errPanicked is logged already, with its stack.
var errPanicked = errors.New("panicked")

// withRequest adds the id of the request to every line that is logged with its
// context.
type withRequest struct{ slog.Handler }

func (h withRequest) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRequest) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequest{h.Handler.WithAttrs(attrs)}
}

func (h withRequest) WithGroup(name string) slog.Handler {
	return withRequest{h.Handler.WithGroup(name)}
}

// slogWriter takes what echo itself would print.
type slogWriter struct{ log *slog.Logger }

func (w slogWriter) Write(p []byte) (int, error) {
	w.log.Warn("echo", "text", strings.TrimSpace(string(p)))
	return len(p), nil
}

// addressExtractor believes X-Forwarded-For only of the proxies it was told of.
func (s *Server) addressExtractor() echo.IPExtractor {
	if len(s.cfg.TrustedProxies) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range s.cfg.TrustedProxies {
		bits := p.Addr().BitLen()
		options = append(options, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), bits)}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
