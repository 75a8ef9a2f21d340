package checks_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/checks/promtest"
)

// escaping has Prometheus itself read what a value becomes between quotes:
// exactly one matcher, whose value is the value.
func escaping(t *testing.T, p *promtest.Server) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("\"'`\\{}()[],=~!#x20u\n\r\t\x00$ ü"))), rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._+-]{0,63}`)).Draw(t, "value")
		escaped, valid := checks.InQuery(value), strings.ToValidUTF8(value, "\uFFFD")
		// Nothing is escaped between backticks, so there the value is not found;
		// but it stays between them.
		for quote, want := range map[string]string{`"`: valid, `'`: valid, "`": escaped} {
			query := "up{v=" + quote + escaped + quote + "}"
			got, err := p.Format(t.Context(), query)
			inner, found := strings.CutPrefix(strings.TrimSuffix(got, "}"), "up{v=")
			read, broken := strconv.Unquote(inner) // fails unless it is one text and no more
			if err != nil || !found || broken != nil || read != want {
				t.Fatalf("%q became %s and was read as %s: %v, %v", value, query, got, err, broken)
			}
		}
	})
}

// TestEscapedValuesAreHarmless looks at the text alone, for far more values.
func TestEscapedValuesAreHarmless(t *testing.T) {
	t.Parallel()
	harmless := regexp.MustCompile(`^([A-Za-z0-9._+/:-]|\\x[0-9a-f]{2})*$`)
	rapid.Check(t, func(t *rapid.T) {
		value := string(rapid.SliceOf(rapid.Byte()).Draw(t, "value"))
		if escaped := checks.InQuery(value); !harmless.MatchString(escaped) {
			t.Fatalf("%q became %s", value, escaped)
		}
	})
	for _, plain := range []string{"1.42.0", "1.0.0-rc.1+build_2", "http://10.0.0.7:8080", "billing-api"} {
		if got := checks.InQuery(plain); got != plain {
			t.Errorf("%s became %s", plain, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, address, want string }{
		{"${address}/healthz", "http://10.0.0.7:8080", "http://10.0.0.7:8080/healthz"},
		{"${address}/healthz", "http://10.0.0.7:8080/", "http://10.0.0.7:8080/healthz"},
		{"${address}/healthz", "10.0.0.7:8080", "http://10.0.0.7:8080/healthz"},
		{"https://${address}/healthz", "http://10.0.0.7:8080", "https://10.0.0.7:8080/healthz"},
		{"https://billing.example.com/v/${version}?env=${environment}&was=${stable}", "", "https://billing.example.com/v/1.0%2Bb?env=production&was=1%200%2F%3F%23"},
		{"https://billing.example.com/${unknown}", "", "https://billing.example.com/${unknown}"},
		{"${address}/healthz", "", "!stands for nothing"},
		{"billing.example.com", "", "!must be an http or https address"},
		{"file:///etc/passwd", "", "!must be an http or https address"},
		{"http://${service}${version}/", "", "!must be an http or https address"},
	} {
		s := release()
		s.Address, s.Version, s.Stable = c.address, "1.0+b", "1 0/?#"
		got, err := checks.WebAddress(c.text, s)
		checkAddress(t, c.text, got, err, c.want)
	}
	for _, c := range []struct{ text, address, want string }{
		{"${address}", "http://10.0.0.7:8080", "10.0.0.7:8080"},
		{"${address}", "https://billing.example.com/base", "billing.example.com:443"},
		{"${address}", "http://[::1]", "[::1]:80"},
		{"${address}", "10.0.0.7:5432", "10.0.0.7:5432"},
		{"db.example.com:5432", "", "db.example.com:5432"},
		{"[::1]:22", "", "[::1]:22"},
		{"${address}", "", "!stands for nothing"},
		{"db.example.com", "", "!write host:port"},
		{"db.example.com:postgres", "", "!write host:port"},
		{":22", "", "!write host:port"},
		{"db.example.com:0", "", "!write host:port"},
		{"db.example.com:70000", "", "!write host:port"},
	} {
		s := release()
		s.Address = c.address
		got, err := checks.SocketAddress(c.text, s)
		checkAddress(t, c.text+" at "+c.address, got, err, c.want)
	}
}

// checkAddress compares what was built; a want that begins with ! is a part of
// the error.
func checkAddress(t *testing.T, what, got string, err error, want string) {
	t.Helper()
	if says, bad := strings.CutPrefix(want, "!"); bad {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	} else if err != nil || got != want {
		t.Errorf("%s: %s, %v", what, got, err)
	}
}
