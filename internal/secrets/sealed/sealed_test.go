package sealed_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/secrets/secretstest"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

func database(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, sealed.KeySize) }

func sealedStore(t *testing.T, rows slipway.Store, keys ...[]byte) *sealed.Store {
	t.Helper()
	s, err := sealed.New(rows, time.Now, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slipway.db")
	s := sealedStore(t, database(t, "sqlite:"+file), key(1))
	secretstest.Run(t, func(*testing.T) slipway.SecretStore { return s })
	t.Cleanup(func() { // after the suite: nothing of a value is on the disk
		for _, suffix := range []string{"", "-wal"} {
			data, err := os.ReadFile(file + suffix)
			if err != nil && suffix == "" {
				t.Error(err)
			}
			if bytes.Contains(data, []byte(secretstest.Canary)) {
				t.Errorf("%s holds a value in clear", file+suffix)
			}
		}
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	s := sealedStore(t, database(t, pgtest.URL(t)), key(1))
	secretstest.Run(t, func(*testing.T) slipway.SecretStore { return s })
}

const path = "payments/billing-api/production"

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	rows := database(t, "sqlite:"+filepath.Join(t.TempDir(), "slipway.db"))
	old := sealedStore(t, rows, key(1))
	for i, value := range []string{"first", "second", "third"} {
		if _, err := old.Put(ctx, path, map[string]slipway.Secret{"A": slipway.NewSecret(value)}, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Destroy(ctx, path, []int{1}); err != nil {
		t.Fatal(err)
	}
	reads := func(s *sealed.Store, version int) string {
		got, err := s.Read(ctx, path, version)
		if err != nil {
			return "fault " + string(slipway.SecretFaultOf(err))
		}
		return got.Values["A"].Reveal()
	}
	if got := reads(sealedStore(t, rows, key(2)), 2); got != "fault denied" {
		t.Errorf("with another key: %s", got)
	}
	both := sealedStore(t, rows, key(2), key(1))
	if got := reads(both, 2); got != "second" {
		t.Errorf("with both keys: %s", got)
	}
	if n, err := both.Rewrap(ctx); n != 3 || err != nil {
		t.Errorf("sealed %d anew, %v", n, err)
	}
	if n, err := both.Rewrap(ctx); n != 0 || err != nil {
		t.Errorf("the second time %d, %v", n, err)
	}
	if got := reads(sealedStore(t, rows, key(2)), 3); got != "third" {
		t.Errorf("with the new key alone: %s", got)
	}
	if got := reads(old, 3); got != "fault denied" {
		t.Errorf("with the old key alone: %s", got)
	}
	if _, err := sealedStore(t, rows, key(3)).Rewrap(ctx); err == nil {
		t.Error("what cannot be opened was sealed anew")
	}
}

// What is sealed opens nowhere but where it was sealed for.
func TestMovedAndTamperedRows(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "slipway.db")
	s := sealedStore(t, database(t, "sqlite:"+file), key(1))
	for i, p := range []string{path, path, "other/service/production"} {
		if _, err := s.Put(ctx, p, map[string]slipway.Secret{"A": slipway.NewSecret("v")}, i%2); err != nil {
			t.Fatal(err)
		}
	}
	attacks := map[string]string{
		"an older version as the newest": `UPDATE sealed_secrets SET (wrapped, sealed) = (SELECT wrapped, sealed FROM sealed_secrets WHERE path = 'payments/billing-api/production' AND version = 1) WHERE path = 'payments/billing-api/production' AND version = 2`,
		"another service's secrets":      `UPDATE sealed_secrets SET (wrapped, sealed) = (SELECT wrapped, sealed FROM sealed_secrets WHERE path = 'other/service/production') WHERE path = 'payments/billing-api/production' AND version = 2`,
		"other values under one's key":   `UPDATE sealed_secrets SET sealed = (SELECT sealed FROM sealed_secrets WHERE path = 'other/service/production') WHERE path = 'payments/billing-api/production' AND version = 2`,
		"a cut document":                 `UPDATE sealed_secrets SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE path = 'payments/billing-api/production' AND version = 2`,
		"nothing":                        `UPDATE sealed_secrets SET sealed = NULL, wrapped = NULL WHERE path = 'payments/billing-api/production' AND version = 2`,
	}
	for name, attack := range attacks {
		if _, err := s.Read(ctx, path, 2); err != nil {
			t.Fatalf("before %s: %v", name, err)
		}
		undone(t, ctx, file, attack, func() {
			if _, err := s.Read(ctx, path, 2); slipway.SecretFaultOf(err) != slipway.SecretDenied {
				t.Errorf("%s was taken: %v", name, err)
			}
		})
	}
}

// undone runs a statement against the file, then do, and puts the row back.
func undone(t *testing.T, ctx context.Context, file, statement string, do func()) {
	t.Helper()
	raw := rawDatabase(t, file)
	exec := func(query string, args ...any) {
		if _, err := raw.ExecContext(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	var wrapped, data []byte
	const at = ` WHERE path = 'payments/billing-api/production' AND version = 2`
	if err := raw.QueryRowContext(ctx, `SELECT wrapped, sealed FROM sealed_secrets`+at).Scan(&wrapped, &data); err != nil {
		t.Fatal(err)
	}
	exec(statement)
	do()
	exec(`UPDATE sealed_secrets SET wrapped = ?, sealed = ?`+at, wrapped, data)
}

func rawDatabase(t *testing.T, file string) *sql.DB {
	t.Helper()
	raw, err := sql.Open("sqlite", file) // the driver that the store registered
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func TestKeysOfTheWrongSize(t *testing.T) {
	t.Parallel()
	for _, keys := range [][][]byte{nil, {[]byte("short")}, {key(1), nil}} {
		if _, err := sealed.New(nil, time.Now, keys...); err == nil {
			t.Errorf("%d keys were taken", len(keys))
		}
	}
}
