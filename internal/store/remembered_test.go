package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// counting counts the queries of a transaction.
type counting struct {
	reader
	queries []string
}

func (c *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.queries = append(c.queries, query)
	return c.reader.QueryContext(ctx, query, args...)
}

// TestOneQueryForWhatIsRemembered: what every page asks for beside what it is about
// is one query, unless it has changed.
func TestOneQueryForWhatIsRemembered(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "slipway.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, err := Open(ctx, Config{URL: url(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := s.Migrate(ctx); err != nil {
				t.Fatal(err)
			}
			page := func() []string {
				var c counting
				err := s.read(ctx, func(tx *tx) error {
					c.reader = tx.reads
					tx.reads = &c
					for range 2 {
						if err := askAll(ctx, tx); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				return c.queries
			}
			if n := len(page()); n != 10 {
				t.Errorf("the first page has %d queries, want 10", n)
			}
			for range 2 {
				if queries := page(); len(queries) != 1 {
					t.Errorf("%d queries, want 1:\n%s", len(queries), strings.Join(queries, "\n"))
				}
			}
			if err := s.Write(ctx, func(tx slipway.Tx) error { return tx.Teams().Put(ctx, slipway.Team{Name: "web"}) }); err != nil {
				t.Fatal(err)
			}
			if n := len(page()); n != 10 {
				t.Errorf("after a change there are %d queries, want 10", n)
			}
		})
	}
}

func askAll(ctx context.Context, tx slipway.Tx) error {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for _, ask := range []func() error{
		func() error { _, err := tx.Events().LastID(ctx); return err },
		func() error { _, err := tx.Teams().List(ctx); return err },
		func() error { _, err := tx.Environments().List(ctx); return err },
		func() error {
			_, _, err := tx.Services().List(ctx, slipway.ServiceFilter{}, slipway.Page{})
			return err
		},
		func() error { _, err := tx.Pipelines().LatestOf(ctx, []string{"api", "web"}); return err },
		func() error { _, err := tx.Freezes().List(ctx, now); return err },
		func() error { _, err := tx.Calendars().List(ctx); return err },
		func() error {
			_, err := tx.Bindings().For(ctx, slipway.Actor{Kind: slipway.ActorUser, ID: "ana"})
			return err
		},
		func() error { _, err := tx.Line().Get(ctx); return err },
		func() error { _, err := tx.Proposals().Open(ctx); return err },
	} {
		if err := ask(); err != nil {
			return err
		}
	}
	return nil
}
