package chatops

import "strings"

// nearest is the known word that another one is most likely a misspelling of;
// empty if none is near.
func nearest(typed string, known []string) string {
	typed = strings.ToLower(typed)
	if len(typed) > 64 {
		return ""
	}
	best, distance := "", 3
	for _, k := range known {
		lower := strings.ToLower(k)
		d := swaps(typed, lower)
		if strings.HasPrefix(lower, typed) && len(typed) >= 2 {
			d = min(d, 1)
		}
		if d < distance && d < len(k) && d < max(len(typed), 2) {
			best, distance = k, d
		}
	}
	return best
}

// swaps counts the letters to insert, drop, replace, or swap with their
// neighbour, to get from one word to the other.
func swaps(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
