package browser

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// exportBatch is how many entries of an export are in memory at once.
const exportBatch = 200

// writeFor is how long a client may take for one batch.
const writeFor = 30 * time.Second

// export walks the whole audit that the filter leaves, newest first. Nothing is
// sent before the first batch is there, so that a refusal is still an answer.
// Afterwards an error can only cut the file short.
func (s *Surface) export(c echo.Context, kind, name string, begin func() error, put func(slipway.AuditEntry) error) error {
	filter, page := auditFilter(c), slipway.Page{Limit: exportBatch}
	deadline := http.NewResponseController(c.Response())
	for first := true; ; first = false {
		entries, next, err := s.App.Activity(c.Request().Context(), server.ActorOf(c), filter, page)
		if err != nil {
			return err
		}
		if err := deadline.SetWriteDeadline(time.Now().Add(writeFor)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if first {
			noStore(c)
			c.Response().Header().Set(echo.HeaderContentType, kind)
			c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
			c.Response().WriteHeader(http.StatusOK)
			if err := begin(); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if err := put(e); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		c.Response().Flush()
		page.Cursor = next
		if err := context.Cause(c.Request().Context()); err != nil {
			return err
		}
	}
}

func (s *Surface) activityCSV(c echo.Context) error {
	w := csv.NewWriter(c.Response())
	flush := func(row ...string) error {
		for i := range row {
			row[i] = tame(row[i])
		}
		if err := w.Write(row); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}
	return s.export(c, "text/csv; charset=utf-8", "activity.csv", func() error {
		return flush("at", "actor", "actor_id", "action", "team", "service", "environment", "subject", "summary", "via", "address", "request", "chain", "hash")
	}, func(e slipway.AuditEntry) error {
		return flush(e.At.UTC().Format(time.RFC3339Nano), e.Actor.Name, e.Actor.ID, e.Action, e.Resource.Team, e.Resource.Service, e.Resource.Environment,
			e.Subject, e.Summary, string(e.Via), e.Address, e.RequestID, e.Chain, e.Hash)
	})
}

// tame keeps a spreadsheet from taking what somebody typed for a formula.
func tame(cell string) string {
	if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
		return "'" + cell
	}
	return cell
}

func (s *Surface) activityJSONL(c echo.Context) error {
	encoder := json.NewEncoder(c.Response())
	return s.export(c, "application/jsonl; charset=utf-8", "activity.jsonl", func() error { return nil },
		func(e slipway.AuditEntry) error { return encoder.Encode(e) })
}
