package identity

import (
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SafeReturn returns where to send somebody after the sign-in: the path that
// was asked for if it is one of ours, else the start page. Anything that a
// browser could take for another host is refused, and so is /auth, which would
// sign in again or out.
func SafeReturn(to string) string {
	const start = "/"
	if len(to) > 2048 || !utf8.ValidString(to) || !strings.HasPrefix(to, "/") || strings.ContainsFunc(to, func(r rune) bool {
		return r == '\\' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}) {
		return start
	}
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || strings.ContainsRune(u.Path, '\\') {
		return start
	}
	// A path that is not written plainly may be read differently by others.
	if plain := path.Clean(u.Path); u.Path != plain && u.Path != plain+"/" {
		return start
	}
	if first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/"); strings.EqualFold(first, "auth") {
		return start
	}
	return to
}
