package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"
)

// Server is the one HTTP server in front of all surfaces.
type Server struct {
	cfg      Config
	log      *slog.Logger
	origin   *url.URL
	echo     *echo.Echo
	routes   []Route
	people   *mounted            // the surface that people look at; may be nil
	owners   map[string]*mounted // by route path
	segments map[string]*mounted // by the first segment of a path
	sessions *scs.SessionManager
	ending   sync.Mutex // see noteSeen
	limiter  *limiter
	metrics  *metrics
	ready    *readiness
	hub      *hub
	clock    func() time.Time
}

// New checks the config and the routes and builds the server. It starts
// nothing: see Run.
func New(cfg Config) (*Server, error) {
	cfg, origin, err := cfg.validated()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, origin: origin, owners: map[string]*mounted{},
		log:      slog.New(withRequest{cfg.Log.Handler()}),
		sessions: newSessions(cfg.Sessions, origin.Scheme == "https"),
		limiter:  newLimiter(cfg.Limit),
		clock:    cfg.App.Clock,
	}
	s.hub = newHub(cfg.App, cfg.Feed, s.log)
	s.hub.heard = cfg.App.Heard
	s.ready = &readiness{checks: cfg.Ready, clock: s.clock}
	if s.metrics, err = newMetrics(cfg, s.hub); err != nil {
		return nil, err
	}
	if err := s.newEcho(); err != nil {
		return nil, err
	}
	return s, s.mountAll()
}

// Handler answers on the main listener.
func (s *Server) Handler() http.Handler { return s.echo }

// MetricsHandler answers on the metrics listener, which is not for the world.
func (s *Server) MetricsHandler() http.Handler { return s.metrics.handler() }

// Routes lists every route there is, the server's own included.
func (s *Server) Routes() []Route { return slices.Clone(s.routes) }

// HTTPServer wraps a handler in a server that no slow client can hold up. A
// handler that streams sets its own deadlines (http.ResponseController).
func (s *Server) HTTPServer(address string, h http.Handler) *http.Server {
	return &http.Server{
		Addr: address, Handler: h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) newEcho() error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(slogWriter{s.log})
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.showError(c, err) }
	e.IPExtractor = s.addressExtractor()
	cross := http.NewCrossOriginProtection()
	if err := cross.AddTrustedOrigin(s.origin.Scheme + "://" + s.origin.Host); err != nil {
		return fmt.Errorf("server: public URL: %w", err)
	}
	// From the outside in. What is further in may rely on what is further out.
	e.Use(
		s.identify,         // every line of log, also of a panic, names the request
		s.observe,          // sees the status that went out, whoever decided it
		s.headers(),        // before anything is written, errors too
		s.compress(),       // around the pages of errors as well
		s.settle,           // turns an error into an answer, within all of the above
		s.recovered,        // turns a panic into an error
		refuseCross(cross), // before a byte of the body is read
		limitBody,          // before a surface parses anything
		s.rememberServer,   // for SessionActor
	)
	s.echo = e
	return nil
}

// mountAll puts all routes into the one list, checks it, and hands it to the
// router.
func (s *Server) mountAll() error {
	var surfaces []*mounted
	for _, surface := range s.cfg.Surfaces {
		surfaces = append(surfaces, mountedOf(surface))
	}
	if len(surfaces) > 0 {
		s.people = surfaces[0]
	}
	s.segments = segmentsOf(surfaces)
	for _, surface := range append(surfaces, mountedOf(&machinery{s}), mountedOf(&frontDoor{s}), mountedOf(&tokenDoor{s})) {
		for _, r := range surface.routes {
			// Errors of a path with two owners could not be shown in the form
			// that the caller expects.
			if other, taken := s.owners[r.Path]; taken && other != surface {
				return fmt.Errorf("server: two surfaces have a route at %s", r.Path)
			}
			s.owners[r.Path] = surface
			s.routes = append(s.routes, r)
		}
	}
	if err := checkRoutes(s.routes); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	known := map[string]bool{}
	for _, r := range s.routes {
		known[r.Method+" "+shapeOf(r.Path)] = true
	}
	for _, r := range s.routes {
		h := s.guarded(r, s.owners[r.Path])
		s.echo.Add(r.Method, r.Path, h)
		// HEAD is GET without the body, which net/http leaves out. Streams have
		// no end, and a sign-in must not be used up by a look at its link.
		if r.Method == http.MethodGet && r.Path != eventsPath && !strings.HasPrefix(r.Path, "/auth/") && !known["HEAD "+shapeOf(r.Path)] {
			s.echo.Add(http.MethodHead, r.Path, h)
		}
	}
	return nil
}
