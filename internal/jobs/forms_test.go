package jobs

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// TestNoFormOfASecretIsPrinted: what a command prints of a secret is hidden however
// it is written down, with anything before and behind it; the rest is readable.
func TestNoFormOfASecretIsPrinted(t *testing.T) {
	t.Parallel()
	const secret = "pa/55+w0rd \"é<&>\"=end"
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	within := func(e *base64.Encoding, before string) string {
		return e.EncodeToString([]byte(before + secret + " and more"))
	}
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
		var file strings.Builder
		newCapture(&file, []string{secret}).follow(streamOut, strings.NewReader("before "+c.printed+" behind\n"))
		got := file.String()
		if !strings.Contains(c.printed, c.hidden) {
			t.Errorf("%s: nothing is looked for", name)
		}
		if strings.Contains(got, c.hidden) || !strings.Contains(got, "***") || !strings.Contains(got, "before ") || !strings.HasSuffix(got, " behind\n") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
