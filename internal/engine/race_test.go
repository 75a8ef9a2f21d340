//go:build race

package engine_test

// slower is how much longer things may take under the race detector.
const slower = 3
