package main

import (
	"fmt"
	"net/http"
)

// paths is how many random walks a price is made of.
const paths = 3500

// price values an option by walks through a fixed table: the same answer each
// time, and enough work to be measured.
func price(w http.ResponseWriter, _ *http.Request) {
	sum := linear()
	if algorithm == "quadratic" {
		sum = quadratic()
	}
	fmt.Fprintf(w, "{\"price\":%d}\n", sum%10_000)
}

func walk(i int) int { return (i*2654435761)%97 - 48 }

func linear() int {
	sum := 0
	for i := range paths {
		sum += walk(i)
	}
	return sum
}

// quadratic gives the same answer, and looks at everything before for each: the
// mistake that no unit test finds.
func quadratic() int {
	sum := 0
	for i := range paths {
		for j := range i {
			if walk(j) == 49 { // never so
				sum++
			}
		}
		sum += walk(i)
	}
	return sum
}
