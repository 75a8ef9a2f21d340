// Command slipway is the portal, its command line client and, hidden, the small
// programs it runs itself. It is the only room that knows every concrete type.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when it is built (see the Makefile).
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// Exit codes, as the documentation promises them to scripts.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitWaits  = 3
	exitDenied = 4
)

// exitError is an error with the exit code it asks for.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		if exit.err != nil && exit.Error() != "" {
			fmt.Fprintln(os.Stderr, "slipway: "+exit.Error())
		}
		return exit.code
	default:
		fmt.Fprintln(os.Stderr, "slipway: "+err.Error())
		return exitFailed
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "slipway",
		Short:         "From the build passed to it runs in production, and we can undo it",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitError{exitUsage, err} })
	root.AddGroup(&cobra.Group{ID: "server", Title: "Server:"}, &cobra.Group{ID: "client", Title: "Client (over REST; SLIPWAY_URL, SLIPWAY_TOKEN):"})
	server := []*cobra.Command{serveCommand(), devCommand(), migrateCommand(), databaseCommand(), auditCommand(), configCommand(), vaultCommand(), versionCommand(), deployerCommand()}
	for _, c := range server {
		c.GroupID = "server"
	}
	root.AddCommand(server...)
	root.AddCommand(hiddenCommands()...)
	addClient(root)
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			goVersion := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				goVersion = info.GoVersion
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "slipway %s %s\n", version, goVersion)
			return err
		},
	}
}
