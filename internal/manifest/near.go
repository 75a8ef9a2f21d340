package manifest

import "strings"

// suggest ends a sentence about an unknown word: with the known word that it is
// probably a misspelling of, else with all known words.
func suggest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(strings.ToLower(clip(word)), strings.ToLower(k)); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	return "; known are " + strings.Join(known, ", ")
}

// editDistance counts the letters to insert, drop or replace to get from one
// word to the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
