package pgtest

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
)

// TestAPortThatIsTaken is what happens on a busy machine between the choice of a
// port and the start of the server.
func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	programs, err := findPrograms()
	switch {
	case errors.Is(err, errMissing) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	chosen := 0
	url, err := start(programs, "off", func() (int, error) {
		if chosen++; chosen == 1 {
			return taken.Addr().(*net.TCPAddr).Port, nil
		}
		return freePort()
	})
	if err != nil || chosen != 2 || strings.Contains(url, taken.Addr().String()) {
		t.Errorf("%s after %d choices: %v", url, chosen, err)
	}
}
