// Command inside is a process of Slipway in a pod: it has no kubeconfig, only the
// service account of its pod. It makes the desired state in DESIRED true for the
// target in TARGET, both of them JSON, and prints what it observed in the end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/kubernetes"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var target deployers.Target
	var desired deployers.Desired
	if err := errors.Join(json.Unmarshal([]byte(os.Getenv("TARGET")), &target), json.Unmarshal([]byte(os.Getenv("DESIRED")), &desired)); err != nil {
		return err
	}
	d := kubernetes.New(kubernetes.Options{})
	defer func() { _ = d.Close(ctx) }()
	if err := d.Apply(ctx, target, desired); err != nil {
		return err
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		o, err := d.Observe(ctx, target)
		if err != nil {
			return err
		}
		if o.Converged {
			return json.NewEncoder(os.Stdout).Encode(o)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("not there in time: %+v", o)
		}
	}
}
