package component

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Age is a duration as people say it: one unit, rounded down, no false precision.
// The same thresholds live in static/js/time.js, which keeps the text fresh.
func Age(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	default:
		return strconv.Itoa(int(d/(24*time.Hour))) + " d"
	}
}

// Full is the absolute time with its zone, for titles and prints.
func Full(t time.Time) string {
	return t.Format("Mon 2 Jan 2006 15:04:05 MST")
}

func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Count is a number with its noun: "1 commit", "3 commits".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Initials are at most two capitals of a name: an avatar without a third party.
func Initials(name string) string {
	out := make([]rune, 0, 2)
	for _, word := range strings.Fields(name) {
		out = append(out, []rune(strings.ToUpper(word))[0])
	}
	if len(out) > 2 {
		out = []rune{out[0], out[len(out)-1]}
	}
	return string(out)
}

// Short cuts a digest in the middle, where nobody compares it anyway, and leaves
// the ends, which people do compare.
func Short(digest string) string {
	head, sum, ok := strings.Cut(digest, ":")
	if !ok || len(sum) <= 12 {
		return digest
	}
	return head + ":" + sum[:4] + "…" + sum[len(sum)-4:]
}

// outside reports whether a link that people typed may be followed. Anything but
// an absolute http(s) address stays text.
func outside(href string) bool {
	u, err := url.Parse(href)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// inside reports whether a link leads into our own pages.
func inside(href string) bool {
	return strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "//") && !strings.HasPrefix(href, "/\\") ||
		strings.HasPrefix(href, "#") || strings.HasPrefix(href, "?")
}

func num(n int) string { return strconv.Itoa(n) }

// slug makes a part of a DOM id out of any text.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 32
		default:
			return '-'
		}
	}, s)
}

// codeParts splits a sentence at its backticks: every second part is code. A lone
// backtick stays what it is.
func codeParts(s string) []string {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 {
		last := len(parts) - 1
		parts = append(parts[:last-1], parts[last-1]+"`"+parts[last])
	}
	return parts
}

// Hour is the clock time of today, with its day when it is another one.
func Hour(t, now time.Time) string {
	y, m, d := t.Date()
	ny, nm, nd := now.In(t.Location()).Date()
	switch {
	case y == ny && m == nm && d == nd:
		return t.Format("15:04")
	case t.Sub(now).Abs() < 6*24*time.Hour:
		return t.Format("Mon 15:04")
	default:
		return t.Format("2 Jan 15:04")
	}
}
