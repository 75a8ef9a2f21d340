package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// Own is a server that a test has to itself, to end it and start it again.
type Own struct {
	URL string // of its database postgres

	programs, dir string
	port          int
	attributes    *syscall.SysProcAttr
	environment   []string
	line          io.WriteCloser
	ended         chan error
}

// runOwn starts the server, and ends it by the signal that standard input names,
// or when that ends, which it does with the test binary.
const runOwn = `
"$1/postgres" -D "$2/data" -k "$2" -h 127.0.0.1 -p "$3" -c max_connections=300 -c shared_buffers=32MB \
	-c log_min_messages=error -c restart_after_crash=on >"$2/log" 2>&1 </dev/null &
server=$!
read -r how
kill "-${how:-INT}" "$server"
wait "$server"
`

// NewOwn starts one, with more in its environment. It keeps what it commits, as
// far as its processes go.
func NewOwn(t testing.TB, environment ...string) *Own {
	t.Helper()
	programs, err := findPrograms()
	switch {
	case errors.Is(err, errMissing) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	o := &Own{programs: programs, environment: append(os.Environ(), environment...)}
	if o.dir, err = os.MkdirTemp("", "slipway-postgres-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(o.dir) })
	if o.attributes, err = asPostgres(o.dir); err != nil {
		t.Fatal(err)
	}
	if o.port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	initdb := exec.Command(programs+"/initdb", "-D", o.dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync") // #nosec G204 -- Debian's program
	initdb.Dir, initdb.SysProcAttr = o.dir, o.attributes
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	o.URL = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", o.port)
	o.Start(t)
	t.Cleanup(func() { o.Stop(t, "INT") })
	return o
}

// Start starts the server after Stop, and waits until it answers.
func (o *Own) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", runOwn, "sh", o.programs, o.dir, strconv.Itoa(o.port)) // #nosec G204 -- our own script
	cmd.Dir, cmd.SysProcAttr, cmd.Env = o.dir, o.attributes, o.environment
	line, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	o.line, o.ended = line, make(chan error, 1)
	go func() { o.ended <- cmd.Wait() }()
	socket := fmt.Sprintf("postgres://postgres@/postgres?host=%s&port=%d", o.dir, o.port)
	if err := ready(socket, o.dir+"/log", o.ended); err != nil {
		text, _ := os.ReadFile(o.dir + "/log")
		t.Fatalf("%v\n%s", err, text)
	}
}

// Stop ends the server by a signal, and waits until it is gone: QUIT is what
// pg_ctl calls immediate, as if the power had failed under its processes.
func (o *Own) Stop(t testing.TB, signal string) {
	t.Helper()
	if o.line == nil {
		return
	}
	if _, err := io.WriteString(o.line, signal+"\n"); err != nil {
		t.Fatal(err)
	}
	t.Logf("PostgreSQL was ended by %s: %v", signal, <-o.ended)
	_ = o.line.Close()
	o.line = nil
}
