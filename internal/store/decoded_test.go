package store

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestDecodedIsBounded fills the memory several times over, from many sides.
func TestDecodedIsBounded(t *testing.T) {
	t.Parallel()
	var d decoded
	long := strings.Repeat("x", maxShare/8)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				text := fmt.Sprintf(`["%s %d"]`, long, i*50+j)
				for range 2 {
					var got []string
					if err := decode(&d, text, text, &got); err != nil || len(got) != 1 || text != `["`+got[0]+`"]` {
						t.Errorf("got something else than went in: %v %.30s", err, got)
					}
					got[0] = "spoiled"
				}
			}
		})
	}
	all.Wait()
	size := 0
	for _, v := range d.values {
		size += v.size
	}
	if size != d.size || size > maxDecoded || size < maxDecoded/2 {
		t.Errorf("%d values of %d bytes, counted as %d, want at most %d and not much less", len(d.values), size, d.size, maxDecoded)
	}
	tooLong := `"` + strings.Repeat("y", maxShare) + `"`
	var got string
	if err := decode(&d, tooLong, tooLong, &got); err != nil || len(got) != maxShare {
		t.Errorf("a long text: %v, %d bytes", err, len(got))
	}
	if _, known := find[string](&d, tooLong); known {
		t.Error("a text longer than its share is remembered")
	}
}

// TestDecodedKeepsTypesApart reads one text as two things.
func TestDecodedKeepsTypesApart(t *testing.T) {
	t.Parallel()
	var d decoded
	var numbers []int
	var pointer *[]int
	for range 2 {
		if err := decode(&d, `[1]`, `[1]`, &numbers); err != nil || len(numbers) != 1 {
			t.Fatal(numbers, err)
		}
		if err := decode(&d, `[1]`, `[1]`, &pointer); err != nil || pointer == nil || (*pointer)[0] != 1 {
			t.Fatal(pointer, err)
		}
		(*pointer)[0] = 2
	}
	var broken []int
	if err := decode(&d, `[1`, `[1`, &broken); err == nil {
		t.Error("half a text is decoded")
	}
}
