package outbound

import "net/netip"

// special says what an address is if it is not one of the public internet;
// empty if it is. Of IPv6 only what is given out for public use passes, less
// what carries an IPv4 address within it.
func special(addr netip.Addr) string {
	switch {
	case !addr.IsValid(), addr.IsUnspecified():
		return "is no address"
	case addr.IsLoopback():
		return "is this machine"
	case addr.IsLinkLocalUnicast():
		return "is link-local, as the metadata service of clouds is"
	case addr.IsPrivate():
		return "is of a private network"
	case addr.IsMulticast():
		return "is for many receivers"
	}
	for _, s := range reserved() {
		if netip.MustParsePrefix(s.network).Contains(addr) {
			return s.is
		}
	}
	if addr.Is6() && !netip.MustParsePrefix("2000::/3").Contains(addr) {
		return "is not of the public internet"
	}
	return ""
}

type reservation struct{ network, is string }

// reserved lists what the registries keep out of the public internet, and what
// is public by number and yet reached only from inside of a cloud.
func reserved() []reservation {
	const (
		private  = "is of a private network"
		examples = "is for examples and tests"
		metadata = "is the inner service of a cloud"
		embedded = "carries an IPv4 address within it"
		kept     = "is not of the public internet"
	)
	return []reservation{
		{"0.0.0.0/8", "is this machine"},
		{"100.64.0.0/10", private}, // shared by carriers, and clouds' metadata at 100.100.100.200
		{"168.63.129.16/32", metadata},
		{"192.0.0.0/24", kept},
		{"192.0.2.0/24", examples},
		{"192.88.99.0/24", embedded}, // relays of 6to4
		{"198.18.0.0/15", examples},
		{"198.51.100.0/24", examples},
		{"203.0.113.0/24", examples},
		{"240.0.0.0/4", kept}, // and broadcast
		{"::/96", embedded},
		{"::ffff:0:0:0/96", embedded},
		{"64:ff9b::/96", embedded}, // NAT64
		{"64:ff9b:1::/48", embedded},
		{"2001::/23", embedded}, // Teredo and its neighbours
		{"2001:db8::/32", examples},
		{"2002::/16", embedded}, // 6to4
		{"3fff::/20", examples},
	}
}
