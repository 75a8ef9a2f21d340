//go:build !race

package slipway

// stepsPerRun is how many steps each of rapid's runs (100 unless told) takes
// through one deployment after the other.
const stepsPerRun = 2500
