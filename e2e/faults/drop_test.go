package faults_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// dropAddress is an address of the loopback that nobody else has a use for: what
// the kernel drops is dropped there and nowhere else.
const dropAddress = "127.0.0.77"

// drop has the kernel throw packets away between a portal and an address: no
// acknowledgement, no reset, as behind a cable that was cut. Each of its wires is
// named by its port. What is silent becomes loud again by itself, should this
// process die before it says so.
type drop struct {
	t     *testing.T
	table string
}

// newDrop needs root and nft. Where they are missing it is nil, and under CI a
// fault: a test that quietly does not run proves nothing.
func newDrop(t *testing.T) *drop {
	t.Helper()
	d := &drop{t, fmt.Sprintf("slipway_faults_%d", os.Getpid())}
	rules := strings.NewReplacer("TABLE", d.table, "ADDRESS", dropAddress).Replace(`table ip TABLE {
	set there { type inet_service; flags timeout; }
	set back { type inet_service; flags timeout; }
	chain arriving {
		type filter hook input priority filter; policy accept;
		ip daddr ADDRESS tcp dport @there counter drop
		ip saddr ADDRESS tcp sport @back counter drop
	}
}`)
	if out, err := d.nft(rules); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("nft cannot drop packets here: %v\n%s", err, out)
		}
		t.Logf("nft cannot drop packets here, so lines are only held up: %v %s", err, strings.TrimSpace(out))
		return nil
	}
	t.Cleanup(func() {
		if out, err := d.nft("delete table ip " + d.table); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return d
}

func (d *drop) nft(commands string) (string, error) {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(commands)
	out, err := command.CombinedOutput()
	return string(out), err
}

// silence drops what goes to a wire, what comes back from it, or both.
func (d *drop) silence(w *wire, there, back bool) {
	d.t.Helper()
	_, port, err := net.SplitHostPort(w.address)
	if err != nil {
		d.t.Fatal(err)
	}
	var commands []string
	for way, silent := range map[string]bool{"there": there, "back": back} {
		if silent {
			commands = append(commands, fmt.Sprintf("add element ip %s %s { %s timeout 2m }", d.table, way, port))
		}
	}
	if out, err := d.nft(strings.Join(commands, "\n")); err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
}

func (d *drop) mend() {
	d.t.Helper()
	if out, err := d.nft(fmt.Sprintf("flush set ip %s there\nflush set ip %s back", d.table, d.table)); err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
}

var counted = regexp.MustCompile(`counter packets (\d+)`)

// dropped reports whether packets were dropped on both ways.
func (d *drop) dropped() bool {
	d.t.Helper()
	out, err := exec.Command("nft", "list", "chain", "ip", d.table, "arriving").CombinedOutput()
	if err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
	ways := counted.FindAllStringSubmatch(string(out), -1)
	return len(ways) == 2 && ways[0][1] != "0" && ways[1][1] != "0"
}
