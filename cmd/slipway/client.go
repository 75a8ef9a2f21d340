package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

// cli is what every client command has: where to write, how, and to whom to
// speak.
type cli struct {
	*client.Client
	in     io.Reader
	out    io.Writer
	json   bool // -o json
	person bool // somebody sits at a terminal and can be asked
	color  bool
	screen bool // what is written can be written over
	watch  bool // somebody asked to watch
}

// addClient adds the client commands, and makes a wrong command line end with
// the code that scripts expect of one, for all commands.
func addClient(root *cobra.Command) {
	root.AddCommand(clientCommands()...)
	refuseUnknown(root)
	completeAll(root)
}

func clientCommands() []*cobra.Command {
	commands := []*cobra.Command{
		loginCommand(), applyCommand(), serviceCommand(), releaseCommand(), promoteCommand(), approveCommand(), rejectCommand(),
		rollbackCommand(), statusCommand(), deploymentCommand(), lockCommand(), unlockCommand(), freezeCommand(), unfreezeCommand(), tokenCommand(),
		bypassCommand(), stopTheLineCommand(), whyCommand(), setCommand(), secretCommand(), notificationCommand(), trustCommand(),
	}
	for _, c := range commands {
		c.GroupID = "client"
	}
	return commands
}

// command makes a client command of what it does.
func command(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, c *cli, args []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	output := cmd.Flags().StringP("output", "o", "table", "json or table")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *output != "json" && *output != "table" {
			return usageError("-o is json or table, not %q", *output)
		}
		c := newCLI(cmd)
		c.json = *output == "json"
		c.watch, _ = cmd.Flags().GetBool("watch") // false where there is no such flag
		var err error
		if c.Client, err = connect(os.Getenv); err != nil {
			return err
		}
		return explained(do(cmd.Context(), c, args))
	}
	return cmd
}

func newCLI(cmd *cobra.Command) *cli {
	return &cli{in: cmd.InOrStdin(), out: cmd.OutOrStdout(), person: terminal(cmd.InOrStdin()) && terminal(cmd.OutOrStdout()),
		screen: terminal(cmd.OutOrStdout()) && os.Getenv("TERM") != "dumb",
		color:  terminal(cmd.OutOrStdout()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func usageError(format string, args ...any) error {
	return exitError{exitUsage, fmt.Errorf(format, args...)}
}

// explained turns an error of the server into what people read, and into the
// exit code that scripts read.
func explained(err error) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	code := exitFailed
	if p.Code == "denied" || p.Code == "unauthenticated" {
		code = exitDenied
	}
	return exitError{code, errors.New(problemText(p))}
}

func problemText(p *client.Problem) string {
	message := p.Message
	if message == "" {
		message = p.Detail
	}
	lines := []string{message}
	for _, f := range p.Errors {
		place := f.Field
		if f.Line > 0 {
			place = strings.TrimSuffix(fmt.Sprintf("line %d, %s", f.Line, f.Field), ", ")
		}
		lines = append(lines, "  "+place+": "+f.Message)
	}
	for _, b := range p.BlockedBy {
		lines = append(lines, "  blocked by "+verdictText(b))
	}
	if p.Affected != "" {
		lines = append(lines, "Affected: "+p.Affected)
	}
	if p.Do != "" {
		lines = append(lines, "What to do: "+p.Do)
	}
	if p.RequestID != "" {
		lines = append(lines, "Request "+p.RequestID)
	}
	return strings.Join(lines, "\n")
}

func verdictText(v client.Verdict) string {
	text := v.Gate + ": " + v.Reason
	if v.Key != "" {
		text = v.Key + ": " + v.Reason
	}
	if v.Bypassed != "" {
		text += " Bypassed by " + v.Bypassed + "."
	}
	if v.Until != nil {
		text += " Until " + clock(*v.Until) + "."
	}
	if v.Who != "" {
		text += " Who can change it: " + v.Who + "."
	}
	return text
}

// refuseUnknown lets every wrong command line be a usage error: cobra tells
// them apart from failures by nothing.
func refuseUnknown(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError("%w\nUsage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	if !cmd.Runnable() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := ""
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return usageError("%s has no command %q%s", cmd.CommandPath(), args[0], hint)
		}
	}
	for _, sub := range cmd.Commands() {
		refuseUnknown(sub)
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.AddCommand(commands...)
	return cmd
}
