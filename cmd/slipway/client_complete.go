package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slipway-dev/slipway/internal/client"
)

// completeWithin bounds how long somebody waits who pressed the tab key.
const completeWithin = 2 * time.Second

// completer knows what may stand in a place. So far are the arguments before it.
type completer func(ctx context.Context, c *client.Client, soFar []string, begun string) ([]string, error)

// completeAll gives every client command what its usage says: SERVICE is one of
// the services, and so on. What cannot be known is left to the person.
func completeAll(cmd *cobra.Command) {
	if words := places(cmd.Use); len(words) > 0 && cmd.ValidArgsFunction == nil && cmd.Flags().Lookup("output") != nil {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) >= len(words) {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return complete(cmd, completerOf(words[len(args)]), args, begun)
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		what := flagPlace(cmd.Name(), f.Name)
		if what == "" {
			return
		}
		// It fails for a flag that is completed already, which is as well.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			return complete(cmd, completerOf(what), args, begun)
		})
	})
	for _, sub := range cmd.Commands() {
		completeAll(sub)
	}
}

// places are the arguments that a usage names.
func places(use string) (words []string) {
	for _, word := range strings.Fields(use)[1:] {
		if strings.HasPrefix(word, "-") {
			break
		}
		words = append(words, strings.Trim(word, "[]."))
	}
	return words
}

func flagPlace(command, flag string) string {
	switch flag {
	case "output":
		return "OUTPUT"
	case "environment", "from":
		return "ENVIRONMENT"
	case "to":
		if command == "rollback" {
			return "VERSION"
		}
		return "ENVIRONMENT"
	case "service":
		return "SERVICE"
	default:
		return ""
	}
}

func completerOf(place string) completer {
	switch place {
	case "SERVICE":
		return completeServices
	case "VERSION":
		return completeVersions
	case "ENVIRONMENT":
		return completeEnvironments
	case "OUTPUT":
		return func(context.Context, *client.Client, []string, string) ([]string, error) {
			return []string{"table", "json"}, nil
		}
	default:
		return nil
	}
}

// complete asks the portal. Nobody who presses a key wants to read an error.
func complete(cmd *cobra.Command, what completer, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	const nothing = cobra.ShellCompDirectiveNoFileComp
	if what == nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	c, err := connect(os.Getenv)
	if err != nil {
		return nil, nothing
	}
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completeWithin)
	defer cancel()
	all, err := what(ctx, c, args, begun)
	if err != nil {
		return nil, nothing
	}
	var fit []string
	for _, name := range all {
		if strings.HasPrefix(name, begun) && tame(name) == name {
			fit = append(fit, name)
		}
	}
	return fit, nothing
}

func completeServices(ctx context.Context, c *client.Client, _ []string, begun string) ([]string, error) {
	page, err := c.Services(ctx, "", begun, "")
	var names []string
	for _, s := range page.Value.Items {
		names = append(names, s.Name)
	}
	return names, err
}

func completeVersions(ctx context.Context, c *client.Client, soFar []string, _ string) ([]string, error) {
	if len(soFar) == 0 {
		return nil, nil
	}
	page, err := c.Releases(ctx, soFar[0], "")
	var versions []string
	for _, r := range page.Value.Items {
		versions = append(versions, r.Version)
	}
	return versions, err
}

func completeEnvironments(ctx context.Context, c *client.Client, _ []string, _ string) ([]string, error) {
	page, err := c.Environments(ctx)
	var names []string
	for _, e := range page.Value.Items {
		names = append(names, e.Name)
	}
	return names, err
}
