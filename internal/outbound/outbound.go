// Package outbound is the one way from Slipway to addresses that people write
// into pipelines: checks, gates, webhooks. Whoever may write a pipeline could
// else make the portal ask what only the portal can reach: its own machine, the
// inner network, the credentials that clouds hand out at a fixed address.
//
// What counts is the address that is connected to, for every connection and
// after every name was resolved: a name that answers differently the second
// time, or with several addresses, gains nothing. Redirects are not followed and
// no proxy of the environment is used, because both would connect elsewhere.
package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Dialer opens connections to where Slipway may go. It is safe for concurrent
// use.
type Dialer struct {
	allow    []netip.Prefix
	resolver *net.Resolver // nil: the system's
}

// New makes a dialer that goes to public addresses and to those of allow.
func New(allow []netip.Prefix) *Dialer { return &Dialer{allow: allow} }

// connectWithin bounds a connection whose context has no nearer end.
const connectWithin = 10 * time.Second

// RefusedError says that Slipway may not connect to an address. It says nothing
// about what runs there.
type RefusedError struct {
	Address string
	Why     string
}

// Error names the address, what is wrong with it and what to do.
func (e *RefusedError) Error() string { return e.Address + " " + e.Why }

// DialContext connects to host:port by TCP. Of a name with several addresses it
// uses those it may; if it may use none, or one of them was refused and the
// others do not answer, the error is a *RefusedError.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, &RefusedError{Address: address, Why: "is not reached by TCP"}
	}
	var mu sync.Mutex // two families are tried side by side
	var refused error
	dialer := net.Dialer{Timeout: connectWithin, Resolver: d.resolver,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			err := d.check(address)
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				refused = err
			}
			return err
		}}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		mu.Lock()
		defer mu.Unlock()
		if refused != nil {
			return nil, refused
		}
		return nil, err
	}
	return conn, nil
}

// check judges the address of a socket that is about to connect.
func (d *Dialer) check(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{Address: address, Why: "is no address"}
	}
	if why := d.refuses(to.Addr()); why != "" {
		return &RefusedError{Address: to.Addr().String(), Why: why + ", where Slipway does not go unless SLIPWAY_OUTBOUND_ALLOW lets it"}
	}
	return nil
}

// refuses says why an address is out of bounds; empty if it is not. An IPv4
// address in the dress of IPv6 is judged by what it is.
func (d *Dialer) refuses(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	for _, network := range d.allow {
		if network.Contains(addr) {
			return ""
		}
	}
	return special(addr)
}

// ParseAllow reads a list of networks, separated by commas: 10.0.0.0/8, or
// "loopback" for this machine.
func ParseAllow(text string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if word == "loopback" {
			networks = append(networks, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
			continue
		}
		network, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("%q is no network; write it like 10.0.0.0/8, or loopback for this machine", word)
		}
		if network.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is IPv4 in the dress of IPv6; write it as IPv4", word)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}
