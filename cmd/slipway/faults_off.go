//go:build !faults

package main

import (
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
)

// breakable is where the build for tests of faults (faults.go) stands between
// the engine and what it calls. Every other build has nothing there.
func breakable(map[string]deployers.Deployer, *engine.Engine, *app.App) {}

// wallClock is this machine's clock.
func wallClock() time.Time { return time.Now() }
