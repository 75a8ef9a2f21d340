package manifest

import (
	"fmt"
	"slices"
	"strings"
)

const (
	diffContext = 3
	// Beyond so many pairs of lines the middle is shown as replaced as a whole:
	// right, only longer than it could be.
	maxPairs = 4 << 20
)

// DiffText compares two texts line by line as diff -u does, without the file
// names; empty if they are the same.
func DiffText(before, after []byte) string {
	lines := diffLines(splitLines(before), splitLines(after))
	var out strings.Builder
	a, b := 1, 1 // the line numbers at i
	for i := 0; i < len(lines); {
		if lines[i][0] == ' ' {
			i, a, b = i+1, a+1, b+1
			continue
		}
		from, to := max(0, i-diffContext), hunkEnd(lines, i)
		startA, startB := a-(i-from), b-(i-from)
		countA, countB := 0, 0
		for _, line := range lines[from:to] {
			if line[0] != '+' {
				countA++
			}
			if line[0] != '-' {
				countB++
			}
		}
		fmt.Fprintf(&out, "@@ -%s +%s @@\n%s\n", span(startA, countA), span(startB, countB), strings.Join(lines[from:to], "\n"))
		i, a, b = to, startA+countA, startB+countB
	}
	return out.String()
}

// hunkEnd finds where a run of changes ends that begins at i, with its context.
// Changes closer than two contexts share a hunk.
func hunkEnd(lines []string, i int) int {
	last := i
	for j := i; j < len(lines) && j-last <= 2*diffContext; j++ {
		if lines[j][0] != ' ' {
			last = j
		}
	}
	return min(len(lines), last+1+diffContext)
}

func span(start, count int) string {
	if count == 0 {
		start--
	}
	return fmt.Sprintf("%d,%d", start, count)
}

func splitLines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// diffLines marks each line of both texts: kept, removed or added. What both
// ends have in common is put aside first; a longest common subsequence orders
// the rest.
func diffLines(a, b []string) []string {
	var head, tail []string
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head, a, b = append(head, " "+a[0]), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, " "+a[len(a)-1])
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	common := make([][]int, len(a)+1) // common[i][j]: of a[i:] and b[j:]
	small := len(a)*len(b) <= maxPairs
	for i := len(a); small && i >= 0; i-- {
		common[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0 && i < len(a); j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case small && i < len(a) && j < len(b) && a[i] == b[j]:
			head = append(head, " "+a[i])
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || !small || common[i+1][j] >= common[i][j+1]):
			head = append(head, "-"+a[i])
			i++
		default:
			head = append(head, "+"+b[j])
			j++
		}
	}
	slices.Reverse(tail)
	return append(head, tail...)
}
