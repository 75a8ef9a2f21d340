package provenance

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// longest is how much of a text from outside an answer shows, and firstFew how
// much of a list.
const (
	longest  = 300
	firstFew = 3
)

// shown makes a text from outside fit to be read: as it is when it is plain, else
// quoted, so that look-alike letters and control characters show.
func shown(text string) string {
	if text == "" {
		return "nothing"
	}
	short := text
	if len(short) > longest {
		short = short[:longest]
		for !utf8.ValidString(short) && len(short) > longest-utf8.UTFMax {
			short = short[:len(short)-1]
		}
	}
	plain := strings.IndexFunc(short, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if !plain {
		short = strconv.QuoteToASCII(short)
	}
	if len(text) > longest {
		short += "..."
	}
	return short
}

func differs(what, expected, found string) string {
	return fmt.Sprintf("expected %s %s, found %s.", what, shown(expected), shown(found))
}

// named is an artifact in an answer about several.
func named(a slipway.Artifact) string { return shown(a.Name) }

func count(n int, what string) string {
	return fmt.Sprintf("%d %s", n, what+map[bool]string{true: "", false: "s"}[n == 1])
}

func countOr(n int, what, none string) string {
	if n == 0 {
		return none
	}
	return count(n, what)
}

func one(n int, single, several string) string {
	if n == 1 {
		return single
	}
	return several
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

func unique(texts []string) []string {
	var out []string
	for _, t := range texts {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// firstOf shows the beginning of a list, and how much more there is.
func firstOf(items []string, n int) string {
	if len(items) <= n {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:n], ", "), len(items)-n)
}

// limited joins sentences, and says how many are left out.
func limited(sentences []string, what string) string {
	if len(sentences) <= firstFew {
		return strings.Join(sentences, " ")
	}
	return strings.Join(sentences[:firstFew], " ") + " And " + count(len(sentences)-firstFew, "more "+what) + "."
}
