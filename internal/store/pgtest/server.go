package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// script runs the server until its standard input ends, which is when the test
// binary ends: well, by panic or by kill -9. Then it stops the server by its
// process id and cleans up.
const script = `
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$2/log" 2>&1 || exit 1
"$1/postgres" -D "$2/data" -k "$2" -h 127.0.0.1 -p "$3" -c "fsync=$4" -c max_connections=300 \
	-c shared_buffers=32MB -c log_min_messages=error >>"$2/log" 2>&1 </dev/null &
server=$!
read -r _
kill -INT "$server"
wait "$server"
rm -rf "$2"
`

// readyWithin is generous: initdb takes a second, on a busy machine several.
const readyWithin = 90 * time.Second

// errTaken says that somebody took the port before the server could: between
// the choice and its start lies initdb, and the machine has other tests.
var errTaken = errors.New("the port was taken meanwhile")

func start(programs, fsync string, port func() (int, error)) (string, error) {
	for range 4 {
		if url, err := startOnce(programs, fsync, port); !errors.Is(err, errTaken) {
			return url, err
		}
	}
	return "", errTaken
}

func startOnce(programs, fsync string, choose func() (int, error)) (string, error) {
	dir, err := os.MkdirTemp("", "slipway-postgres-")
	if err != nil {
		return "", err
	}
	attributes, err := asPostgres(dir)
	if err != nil {
		return "", err
	}
	port, err := choose()
	if err != nil {
		return "", err
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", programs, dir, strconv.Itoa(port), fsync)
	cmd.Dir, cmd.SysProcAttr = dir, attributes
	alive, err := cmd.StdinPipe() // held open by cmd, below
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	url := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	// By its socket: whoever answers at the port may be another test's server.
	if err := ready(fmt.Sprintf("postgres://postgres@/postgres?host=%s&port=%d", dir, port), dir+"/log", ended); err != nil {
		text, _ := os.ReadFile(dir + "/log")
		return "", errors.Join(fmt.Errorf("%w\n%s", err, text), alive.Close())
	}
	return url, nil
}

// asPostgres gives the directory to the user postgres if we are root, as which
// the server refuses to run.
func asPostgres(dir string) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setpgid: true} // not to be hit by the terminal's Ctrl-C
	if os.Getuid() != 0 {
		return attributes, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("the user postgres %w", errMissing)
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	if err := errors.Join(errUID, errGID, os.Chown(dir, uid, gid)); err != nil {
		return nil, err
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func ready(url, log string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		if text, _ := os.ReadFile(log); strings.Contains(string(text), "could not bind") { // #nosec G304 -- our own
			return errTaken
		}
		select {
		case <-again.C:
		case failed := <-ended:
			return fmt.Errorf("the server ended at once: %w", errors.Join(failed, err))
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", err)
		}
	}
}
