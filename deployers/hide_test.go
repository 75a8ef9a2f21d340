package deployers_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/deployers"
)

// TestNoFormOfASecretIsShown: what somebody writes of a secret is hidden however
// it is written down, with anything before and behind it; the rest is readable.
func TestNoFormOfASecretIsShown(t *testing.T) {
	t.Parallel()
	const secret = "pa/55+w0rd \"é<&>\"=end"
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	within := func(e *base64.Encoding, before string) string {
		return e.EncodeToString([]byte(before + secret + " and more"))
	}
	hider := deployers.NewHider([]string{secret})
	for name, c := range map[string]struct{ printed, hidden string }{
		"as it is":            {secret, secret},
		"in JSON":             {string(quoted), strings.Trim(string(quoted), `"`)},
		"in JSON of others":   {strings.ReplaceAll(secret, `"`, `\"`), `pa/55+w0rd`},
		"in a query":          {url.QueryEscape(secret), url.QueryEscape(secret)},
		"in a query of JS":    {strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"), "w0rd"},
		"in a path":           {url.PathEscape(secret), "w0rd"},
		"in hex":              {hex.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))},
		"in capital hex":      {strings.ToUpper(hex.EncodeToString([]byte(secret))), strings.ToUpper(hex.EncodeToString([]byte(secret)))},
		"in base64":           {base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret))[:8]},
		"in base64 of URLs":   {base64.RawURLEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))[:8]},
		"in base64 with echo": {base64.StdEncoding.EncodeToString([]byte(secret + "\n")), base64.RawStdEncoding.EncodeToString([]byte(secret))[:8]},
		"in base64, 0 before": {within(base64.StdEncoding, "key"), base64.StdEncoding.EncodeToString([]byte(secret[:18]))},
		"in base64, 1 before": {within(base64.StdEncoding, "a"), base64.StdEncoding.EncodeToString([]byte(secret[2:20]))},
		"in base64, 2 before": {within(base64.URLEncoding, "k="), base64.URLEncoding.EncodeToString([]byte(secret[1:19]))},
	} {
		got := hider.Hide("before " + c.printed + " behind")
		if !strings.Contains(c.printed, c.hidden) {
			t.Errorf("%s: nothing is looked for", name)
		}
		if strings.Contains(got, c.hidden) || !strings.Contains(got, "***") || !strings.Contains(got, "before ") || !strings.HasSuffix(got, " behind") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestALongSecretIsHiddenLineByLine: as it is, and in the lines of base64.
func TestALongSecretIsHiddenLineByLine(t *testing.T) {
	t.Parallel()
	var key strings.Builder
	key.WriteString("-----BEGIN KEY-----\n")
	for i := range 6 {
		fmt.Fprintf(&key, "  line %d of a key that is a secret %d\r\n", i, i*7919)
	}
	hider := deployers.NewHider([]string{key.String(), "abc"})
	encoded := base64.StdEncoding.EncodeToString([]byte(key.String()))
	printed := strings.Split(key.String(), "\r\n")
	for _, width := range []int{64, 76} {
		for rest := encoded; len(rest) >= width; rest = rest[width:] {
			printed = append(printed, rest[:width])
		}
	}
	for _, line := range printed[1:] {
		if line = strings.TrimSpace(line); line != "" && hider.Hide(line) != "***" {
			t.Errorf("%q is shown as %q", line, hider.Hide(line))
		}
	}
	if got := hider.Hide("abc"); got != "abc" {
		t.Errorf("three letters became %q", got)
	}
}

// TestNoValueComesBack: whatever the values, however one contains the other, and
// wherever a text that holds them is cut.
func TestNoValueComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := strings.TrimRight(rapid.StringN(8, 40, -1).Draw(t, "value"), "\r\n")
		if len(value) < 4 {
			return
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		hider := deployers.NewHider([]string{value, value + "-and-more"})
		for _, text := range []string{"a " + value + " b", fmt.Sprintf("[%s]", quoted), value + "-and-more"} {
			if got := hider.Hide(text); strings.Contains(got, value) || strings.Contains(got, "-and-more") {
				t.Errorf("%q shows %q", got, value)
			}
		}
		text := strings.Repeat("x", hider.Longest()) + value + strings.Repeat("y", hider.Longest())
		at := rapid.IntRange(0, len(text)).Draw(t, "at")
		cut := hider.Cut(text, at)
		begin := hider.Longest()
		if cut < at || cut > begin && cut < begin+len(value) || (at <= begin || at >= begin+len(value)) && cut != at && !strings.ContainsAny(value, "xy") {
			t.Errorf("cut at %d instead of %d, the value is at %d to %d", cut, at, begin, begin+len(value))
		}
	})
}
