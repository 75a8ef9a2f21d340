package bench

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// What the bare programs ask, once per request, prepared beforehand. Each reads
// the rows that our page or answer is made of, in our order.
const (
	boardQuery = `SELECT s.name, s.title, s.team, t.environment, t.live_spec, t.live_since, t.observed, t.hold, t.failure
		FROM (SELECT name, title, team FROM services ORDER BY team, name LIMIT 50) s
		JOIN stage_states t ON t.service = s.name ORDER BY s.team, s.name, t.environment`
	wideQuery = `SELECT s.name, s.title, s.team, t.environment, t.live_spec, t.live_since, t.observed, t.hold, t.failure
		FROM services s JOIN stage_states t ON t.service = s.name ORDER BY s.team, s.name, t.environment`
	serviceQuery = `SELECT name, title, team, description, repository, links, tags, created_at, updated_at FROM services WHERE name = $1`
	keysetQuery  = `SELECT id, team, service, environment, version, cause, state, plan_digest, requested_by_kind, requested_by, requested_by_name,
		note, message, runs, verdicts, superseded_by, created_at, started_at, ended_at
		FROM deployments WHERE service = $1 AND id < $2 ORDER BY id DESC LIMIT 50`
)

// playBare serves the limits that the portal is measured against.
func playBare(ctx context.Context, p part) error {
	db, err := openBare(p.Database, true)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for path, query := range map[string]string{"/board": boardQuery, "/wide": wideQuery, "/service": serviceQuery, "/deployments": keysetQuery} {
		statement, err := db.PrepareContext(ctx, query)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := dump(r.Context(), w, statement, r.URL.Query()); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
		if path == "/service" {
			rungs, err := ladder(ctx, p, statement)
			if err != nil {
				return err
			}
			mux.Handle("/rung/", rungs)
		}
	}
	if err := addFloor(ctx, mux, p); err != nil {
		return err
	}
	address, err := listenAndServe(mux)
	if err != nil {
		return err
	}
	return announce(ready{URL: address, Control: address})
}

// openBare opens a database as the store does, without the store.
func openBare(address string, reads bool) (*sql.DB, error) {
	path, lite := strings.CutPrefix(address, "sqlite:")
	if !lite {
		db, err := sql.Open("pgx", address)
		if err == nil {
			db.SetMaxOpenConns(16)
			db.SetMaxIdleConns(16)
		}
		return db, err
	}
	query := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}, "_txlock": {"immediate"}}
	connections := 1
	if reads {
		query["_pragma"], query["_txlock"], connections = append(query["_pragma"], "query_only(1)"), []string{"deferred"}, 4
	}
	db, err := sql.Open("sqlite", "file:"+path+"?"+query.Encode())
	if err == nil {
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
	}
	return db, err
}

var buffers = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// dump writes all rows as they come, and exactly as many bytes as it is told:
// that many have to be sent for a fair comparison.
func dump(ctx context.Context, w http.ResponseWriter, statement *sql.Stmt, q url.Values) error {
	var args []any
	for _, name := range []string{"service", "before"} {
		if q.Has(name) {
			args = append(args, q.Get(name))
		}
	}
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	cells, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for _, cell := range cells {
			body.Write(cell)
			body.WriteByte('\t')
		}
		body.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		return err
	}
	length, err := strconv.Atoi(q.Get("bytes"))
	if err != nil {
		return err
	}
	for body.Len() < length {
		body.WriteString("                                                                ")
	}
	body.Truncate(length)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = w.Write(body.Bytes())
	return err
}

// ladder adds one thing after the other between the raw handler and the REST
// surface: echo, then the token, then the use case with its permission and gorm.
func ladder(ctx context.Context, p part, statement *sql.Stmt) (http.Handler, error) {
	s, err := store.Open(ctx, store.Config{URL: p.Database})
	if err != nil {
		return nil, err
	}
	usecases := &app.App{Store: s, Clock: now}
	raw := func(c echo.Context) error {
		return dump(c.Request().Context(), c.Response(), statement, c.QueryParams())
	}
	known := func(next func(echo.Context, slipway.Actor) error) echo.HandlerFunc {
		return func(c echo.Context) error {
			token, ok := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
			if !ok {
				return errors.New("no token")
			}
			id, hash, err := identity.ParseToken(token)
			if err != nil {
				return err
			}
			actor, err := usecases.Authenticate(c.Request().Context(), id, hash)
			if err != nil {
				return err
			}
			return next(c, actor)
		}
	}
	e := echo.New()
	e.GET("/rung/echo", raw)
	e.GET("/rung/authn", known(func(c echo.Context, _ slipway.Actor) error { return raw(c) }))
	e.GET("/rung/usecase", known(func(c echo.Context, actor slipway.Actor) error {
		found, err := usecases.Service(c.Request().Context(), actor, c.QueryParam("service"))
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, found)
	}))
	return e, nil
}
