package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

// others are the deployers of other people.
type others []*protocol.Client

// addOthers puts them beside our own.
func addOthers(c config, log *slog.Logger, backends map[string]deployers.Deployer) (others, error) {
	configured, err := c.otherDeployers()
	if err != nil {
		return nil, err
	}
	var all others
	for name, o := range configured {
		if _, taken := backends[name]; taken {
			return nil, fmt.Errorf("SLIPWAY_DEPLOYERS: %s is the name of a deployer that Slipway brings; take another", name)
		}
		dir, err := c.directoryOf(name)
		if err != nil {
			return nil, fmt.Errorf("SLIPWAY_DEPLOYERS: %s: %w", name, err)
		}
		client, err := o.client(name, dir, protocol.Options{Log: log})
		if err != nil {
			return nil, fmt.Errorf("SLIPWAY_DEPLOYERS: %s: %w", name, err)
		}
		backends[name], all = client, append(all, client)
	}
	return all, nil
}

const (
	introducedWithin = 5 * time.Second // at start, all at once
	introduceEvery   = 10 * time.Second
)

// introduce asks all of them what they can do, and leaves those that do not
// answer in time to keepIntroducing: they must not hold up the portal.
func (o others) introduce(ctx context.Context, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, introducedWithin)
	defer cancel()
	var wg sync.WaitGroup
	for _, client := range o {
		wg.Go(func() {
			if err := client.Introduce(ctx); err != nil {
				log.WarnContext(ctx, "a deployer does not answer; what it runs stays unknown, and the portal goes on without it", "deployer", client.Name, "error", err)
			}
		})
	}
	wg.Wait()
}

// keepIntroducing goes on until every one has answered.
func (o others) keepIntroducing(ctx context.Context, log *slog.Logger) {
	var wg sync.WaitGroup
	for _, client := range o {
		wg.Go(func() {
			if client.Introduced() {
				return
			}
			ticker := time.NewTicker(introduceEvery)
			defer ticker.Stop()
			for client.Introduce(ctx) != nil {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
			}
			log.InfoContext(ctx, "a deployer answers", "deployer", client.Name, "does", client.Capabilities().Summary)
		})
	}
	wg.Wait()
}
