package deployers_test

import (
	"testing"

	"github.com/slipway-dev/slipway/deployers"
)

func TestPlainText(t *testing.T) {
	t.Parallel()
	for printed, read := range map[string]string{
		"as it is,\tin two\nlines: [32m":                    "as it is,\tin two\nlines: [32m",
		"\x1b[1;32mok\x1b[0m 3 of 3":                        "ok 3 of 3",
		"\x1b]0;a title\x07left":                            "left",
		"\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\": "link",
		"50 %\r\x1b[2K\x1b[1A100 %":                         "50 %100 %",
		"sec\x1b[01;31m\x1b[Kret":                           "secret",
		"\x1b(B\x1b=bell\x07 and an end\x1b":                "bell and an end",
	} {
		if got := deployers.PlainText(printed); got != read {
			t.Errorf("%q is read as %q, not %q", printed, got, read)
		}
	}
}
