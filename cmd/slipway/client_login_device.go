package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/slipway-dev/slipway/internal/client"
)

// deviceLogin asks a person at a browser, on whatever machine they have one, to
// sign this command line in (RFC 8628).
type deviceLogin struct {
	scopes []string
	days   int
	open   func(ctx context.Context, address string) // shows a page; may do nothing
	pause  func(ctx context.Context, d time.Duration) error
}

// token returns the token that the person let it have.
func (l deviceLogin) token(ctx context.Context, c *cli, address string) (string, error) {
	portal, err := client.New(address, "")
	if err != nil {
		return "", exitError{exitUsage, err}
	}
	host, _ := os.Hostname() // it only says what asks
	code, err := portal.BeginDevice(ctx, host, l.scopes, l.days)
	if err != nil {
		return "", ciExplained(err)
	}
	c.say("Open     %s\nand type %s", tame(code.URI), tame(code.UserCode))
	c.say("The code is good for %s. Waiting for your answer there ...", time.Duration(code.ExpiresIn)*time.Second)
	if l.open != nil {
		l.open(ctx, code.URI)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(code.ExpiresIn)*time.Second)
	defer cancel()
	interval := max(time.Second, time.Duration(code.Interval)*time.Second)
	for {
		if err := l.pause(ctx, interval); err != nil {
			return "", exitError{exitDenied, errors.New("nobody answered in time.\nWhat to do: slipway login shows a new code")}
		}
		granted, err := portal.TakeDevice(ctx, code.Secret)
		var refusal *client.GrantError
		switch {
		case err == nil:
			return granted.Token, nil
		case !errors.As(err, &refusal):
			return "", explained(err)
		case refusal.Code == "slow_down":
			interval += 5 * time.Second
		case refusal.Code == "authorization_pending", refusal.Temporary():
		case refusal.Code == "access_denied":
			return "", exitError{exitDenied, errors.New("the person at the browser said no")}
		case refusal.Code == "expired_token":
			return "", exitError{exitDenied, errors.New("nobody answered in time.\nWhat to do: slipway login shows a new code")}
		default:
			return "", ciExplained(err)
		}
	}
}

// openPage shows a page to whoever sits here, if it can. They have its address
// on the screen anyway.
func openPage(ctx context.Context, address string) {
	program := "xdg-open"
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	path, err := exec.LookPath(program)
	if err != nil || (runtime.GOOS == "linux" && os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "") {
		return
	}
	viewer := exec.CommandContext(context.WithoutCancel(ctx), path, address) // #nosec G204 -- the system's own program, and an address of the portal as one argument
	if viewer.Start() == nil {
		go func() { _ = viewer.Wait() }()
	}
}
