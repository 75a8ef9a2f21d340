package outbound_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/outbound"
)

func TestWhereSlipwayGoes(t *testing.T) {
	t.Parallel()
	d := outbound.New(nil)
	for _, public := range []string{"8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "192.167.255.255", "100.63.255.255", "100.128.0.0",
		"168.63.129.15", "198.17.255.255", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001:800::200e", "2003::1", "::ffff:8.8.8.8"} {
		if why := d.Refuses(netip.MustParseAddr(public)); why != "" {
			t.Errorf("%s %s", public, why)
		}
	}
	for _, hostile := range []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::", // this machine
		"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12:3456::1", // private
		"169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", // metadata
		"224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255", "240.0.0.1", // many, or none
		"192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "3fff::1", // examples
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1", // IPv4 within IPv6
		"64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "192.88.99.1",
		"fec0::1", "5f00::1", "100::1", "4000::1",
	} {
		if d.Refuses(netip.MustParseAddr(hostile)) == "" {
			t.Errorf("Slipway would go to %s", hostile)
		}
	}
	for text, is := range map[string]string{"64:ff9b::a9fe:a9fe": "carries an IPv4", "64:ff9b:1::1": "carries an IPv4", "::7f00:2": "carries an IPv4", "::ffff:0:7f00:1": "carries an IPv4",
		"127.0.0.1": "this machine", "169.254.169.254": "metadata", "10.0.0.1": "private", "ff02::1": "many", "100::1": "not of the public"} {
		if why := d.Refuses(netip.MustParseAddr(text)); !strings.Contains(why, is) {
			t.Errorf("%s %s, and should say that it %s", text, why, is)
		}
	}
	if d.Refuses(netip.Addr{}) == "" {
		t.Error("Slipway would go nowhere in particular")
	}
}

func TestAllowedNetworks(t *testing.T) {
	t.Parallel()
	allow, err := outbound.ParseAllow("10.1.0.0/16, loopback,fd12::/16")
	if err != nil {
		t.Fatal(err)
	}
	d := outbound.New(allow)
	for text, want := range map[string]bool{"10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": true,
		"::ffff:10.1.2.3": true, "fd12::1": true, "fd13::1": false, "169.254.169.254": false, "64:ff9b::a01:203": false, "8.8.8.8": true} {
		if got := d.Refuses(netip.MustParseAddr(text)) == ""; got != want {
			t.Errorf("%s is let through: %t", text, got)
		}
	}
	for _, bad := range []string{"10.0.0.1", "loopbacks", "10.0.0.0/33", "::ffff:10.0.0.0/104", "example.com", "10.0.0.0/8;127.0.0.0/8"} {
		if _, err := outbound.ParseAllow(bad); err == nil || !strings.Contains(err.Error(), strings.Split(bad, ",")[0]) {
			t.Errorf("%q is taken as a network: %v", bad, err)
		}
	}
	if allow, err := outbound.ParseAllow(" "); err != nil || len(allow) > 0 {
		t.Errorf("nothing is allowed as %v, %v", allow, err)
	}
}

// TestDressesOfAnAddress draws addresses that must not be reached and writes
// them in every way that IPv6 knows for an IPv4 address.
func TestDressesOfAnAddress(t *testing.T) {
	t.Parallel()
	d := outbound.New(nil)
	inner := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16")}
	rapid.Check(t, func(t *rapid.T) {
		four := rapid.SampledFrom(inner).Draw(t, "network").Addr().As4()
		four[2], four[3] = rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")
		sixteen := [16]byte{}
		switch rapid.IntRange(0, 4).Draw(t, "dress") {
		case 0: // as it is
		case 1: // mapped
			sixteen[10], sixteen[11] = 0xff, 0xff
			copy(sixteen[12:], four[:])
		case 2: // NAT64
			copy(sixteen[:], []byte{0, 0x64, 0xff, 0x9b})
			copy(sixteen[12:], four[:])
		case 3: // 6to4
			copy(sixteen[:], []byte{0x20, 0x02})
			copy(sixteen[2:], four[:])
		case 4: // compatible
			copy(sixteen[12:], four[:])
		}
		addr := netip.AddrFrom16(sixteen)
		if sixteen == [16]byte{} {
			addr = netip.AddrFrom4(four)
		}
		if d.Refuses(addr) == "" {
			t.Fatalf("Slipway would go to %s", addr)
		}
	})
}

func TestRefusalsAreToldApart(t *testing.T) {
	t.Parallel()
	d := outbound.New(nil)
	var refused *outbound.RefusedError
	for _, c := range []struct{ network, address string }{
		{"tcp", "127.0.0.1:1"}, {"tcp", "[::1]:1"}, {"tcp", "[::ffff:127.0.0.1]:1"}, {"tcp", "169.254.169.254:80"}, {"tcp", "localhost:1"},
		{"tcp6", "[fe80::1]:80"}, {"unix", "/run/docker.sock"}, {"udp", "8.8.8.8:53"}, {"tcp", "0.0.0.0:22"}, {"tcp", ":22"},
	} {
		conn, err := d.DialContext(t.Context(), c.network, c.address)
		if conn != nil || !errors.As(err, &refused) {
			t.Errorf("%s %s: %v", c.network, c.address, err)
		}
	}
}
