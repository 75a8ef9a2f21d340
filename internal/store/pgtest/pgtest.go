// Package pgtest gives tests a real PostgreSQL: one private server per test
// binary, made of Debian's programs in a temporary directory, and a fresh
// database per test.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// URLVariable names the environment variable with the URL of a server to use
// instead of a private one. Its user may create databases.
const URLVariable = "SLIPWAY_TEST_DATABASE_URL"

// server is started by whoever first asks. It outlives no test binary, however
// that ends (see start).
var server = sync.OnceValues(func() (string, error) {
	if given := os.Getenv(URLVariable); given != "" {
		return given, nil
	}
	programs, err := findPrograms()
	if err != nil {
		return "", err
	}
	return start(programs, "off", freePort)
})

// durable is a server that keeps what it commits, for measuring.
var durable = sync.OnceValues(func() (string, error) {
	if given := os.Getenv(URLVariable); given != "" {
		return given, nil
	}
	programs, err := findPrograms()
	if err != nil {
		return "", err
	}
	return start(programs, "on", freePort)
})

// errMissing marks what is not installed, as opposed to what went wrong.
var errMissing = errors.New("is not installed")

// URL returns the URL of a fresh database, which is dropped after the test.
// Without PostgreSQL the test is skipped, except where CI=true.
func URL(t testing.TB) string {
	t.Helper()
	return fresh(t, server)
}

// Durable is URL of a server with fsync, which tests do without: times taken
// without it say nothing.
func Durable(t testing.TB) string {
	t.Helper()
	return fresh(t, durable)
}

func fresh(t testing.TB, server func() (string, error)) string {
	t.Helper()
	base, err := server()
	switch {
	case errors.Is(err, errMissing) && os.Getenv("CI") != "true":
		t.Skipf("%v; apt-get install postgresql, or set %s", err, URLVariable)
	case err != nil:
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := "slipway_test_" + randomName(t)
	execute(t, base, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, base, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("%s is no URL", URLVariable) // the error would print the password
	}
	u.Path = "/" + name
	return u.String()
}

func randomName(t testing.TB) string {
	raw := make([]byte, 6)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

func execute(t testing.TB, url, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// findPrograms returns the directory of initdb and postgres.
func findPrograms() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is sound
	for i := len(dirs) - 1; i >= 0; i-- {
		if exists(dirs[i]+"/initdb") && exists(dirs[i]+"/postgres") {
			return dirs[i], nil
		}
	}
	for dir := range strings.SplitSeq(os.Getenv("PATH"), ":") {
		if exists(dir+"/initdb") && exists(dir+"/postgres") {
			return dir, nil
		}
	}
	return "", fmt.Errorf("PostgreSQL (initdb, postgres) %w", errMissing)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
