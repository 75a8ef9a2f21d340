package outbound

import (
	"net"
	"net/netip"
)

// WithResolver is New with a name server of the test.
func WithResolver(allow []netip.Prefix, r *net.Resolver) *Dialer {
	return &Dialer{allow: allow, resolver: r}
}

// Refuses says why an address is out of bounds.
func (d *Dialer) Refuses(addr netip.Addr) string { return d.refuses(addr) }
