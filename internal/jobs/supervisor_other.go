//go:build !linux

package jobs

import (
	"context"
	"errors"
)

// SupervisorMain only lets the module compile here; New refuses to run.
func SupervisorMain(context.Context, []string) error { return errors.New("jobs need Linux") }
