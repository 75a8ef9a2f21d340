//go:build race

package slipway

// stepsPerRun is small under the race detector, which makes every step ten
// times as slow and has nothing to find in code that never goes parallel.
const stepsPerRun = 200
