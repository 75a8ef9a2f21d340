package main

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/client"
)

func setCommand() *cobra.Command {
	var service string
	list := command("list", "List release sets, newest first", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		return paged(c, func(cursor string) (client.Answer[client.List[client.Set]], error) {
			return c.Sets(ctx, service, cursor)
		},
			func(t *table, first bool, s client.Set) {
				if first {
					t.row("ID", "NAME", "ENVIRONMENT", "STATE", "BY", "CREATED", "")
				}
				t.row(s.ID, s.Name, s.Environment, s.State, s.RequestedBy.Name, clock(s.CreatedAt), s.Message)
			})
	})
	list.Flags().StringVar(&service, "service", "", "only sets with a release of this service")
	return group("set", "Promote several services together, and take them back together", setCreateCommand(), list, setShowCommand(), setRollbackCommand(), setCancelCommand())
}

// readSet reads YAML as the JSON that the API takes, and nothing that it does not
// know.
func readSet(content []byte, into *client.NewSet) error {
	var whole any
	if err := yaml.Unmarshal(content, &whole); err != nil {
		return err
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func setCreateCommand() *cobra.Command {
	var n client.NewSet
	var after []string
	var file string
	var inOrder, wait bool
	var timeout time.Duration
	cmd := command("create NAME SERVICE=VERSION... --to ENVIRONMENT | create -f FILE", "Ask for releases of several services to go to an environment together", cobra.ArbitraryArgs, func(ctx context.Context, c *cli, args []string) error {
		switch {
		case file != "" && len(args) > 0:
			return usageError("-f and the releases themselves do not go together: the file says all of it")
		case file != "":
			content, err := readFile(file, c.in)
			if err != nil {
				return err
			}
			if err := readSet(content, &n); err != nil {
				return usageError("%s: %v", file, err)
			}
		case len(args) < 2:
			return usageError("a set has a name, and releases: SERVICE=VERSION ...")
		default:
			n.Name = args[0]
			if err := itemsOf(&n, args[1:], after, inOrder); err != nil {
				return err
			}
		}
		if n.Environment == "" {
			return usageError("--to says where they go")
		}
		s, err := c.PromoteSet(ctx, n)
		return c.setBegun(ctx, s, err, "succeeded", wait, timeout)
	})
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "YAML or JSON with name, environment, items (service, version, after), onFailure and note; - is standard input")
	f.StringVar(&n.Environment, "to", "", "environment")
	f.StringArrayVar(&after, "after", nil, "SERVICE:OTHER,... says that a service goes after others of the set; may be given again")
	f.BoolVar(&inOrder, "in-order", false, "each goes after the one before it")
	f.StringVar(&n.OnFailure, "on-failure", "", "rollback takes all of them back if one fails, which is so if left out; stop leaves all where they are")
	f.StringVar(&n.Note, "note", "", "for those who decide on it")
	waitFlags(cmd, &wait, &timeout)
	return cmd
}

// itemsOf reads SERVICE=VERSION and what goes after what.
func itemsOf(n *client.NewSet, releases, after []string, inOrder bool) error {
	for i, text := range releases {
		service, version, ok := strings.Cut(text, "=")
		if !ok || service == "" || version == "" {
			return usageError("%q is not of the form SERVICE=VERSION", text)
		}
		item := client.NewSetItem{Service: service, Version: version}
		if inOrder && i > 0 {
			item.After = []string{n.Items[i-1].Service}
		}
		n.Items = append(n.Items, item)
	}
	for _, text := range after {
		service, others, ok := strings.Cut(text, ":")
		i := slices.IndexFunc(n.Items, func(item client.NewSetItem) bool { return item.Service == service })
		switch {
		case !ok || others == "":
			return usageError("--after %q is not of the form SERVICE:OTHER,...", text)
		case i < 0:
			return usageError("--after %q: %s is not in this set", text, service)
		}
		n.Items[i].After = append(n.Items[i].After, strings.Split(others, ",")...)
	}
	return nil
}

func setShowCommand() *cobra.Command {
	var watch bool
	cmd := command("show ID", "Show a release set", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := setID(args[0])
		if err != nil {
			return err
		}
		s, err := c.Set(ctx, id)
		if err := c.set(s, err); err != nil || !watch || !s.Value.Active {
			return err
		}
		return every(ctx, lookEvery, func() (bool, error) {
			next, err := c.Set(ctx, id)
			if err != nil || setText(next.Value) == setText(s.Value) {
				return false, err
			}
			s = next
			return !s.Value.Active, c.set(s, nil)
		})
	})
	cmd.Flags().BoolVar(&watch, "watch", false, "show it again at each change, until it has ended")
	return cmd
}

func setRollbackCommand() *cobra.Command {
	var reason string
	var accept, wait bool
	var timeout time.Duration
	cmd := command("rollback ID", "Take a release set back as a whole, the last of it first", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := setID(args[0])
		if err != nil {
			return err
		}
		s, err := c.RollBackSet(ctx, id, reason, accept)
		return c.setBegun(ctx, s, err, "rolledBack", wait, timeout)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "what is wrong")
	cmd.Flags().BoolVar(&accept, "accept-irreversible", false, "go back although a release is marked as not reversible")
	waitFlags(cmd, &wait, &timeout)
	return cmd
}

func setCancelCommand() *cobra.Command {
	var reason string
	var wait bool
	var timeout time.Duration
	cmd := command("cancel ID", "Have a release set go no further: what is under way is taken back, what has got there stays", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := setID(args[0])
		if err != nil {
			return err
		}
		s, err := c.CancelSet(ctx, id, reason)
		return c.setBegun(ctx, s, err, "cancelled", wait, timeout)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	waitFlags(cmd, &wait, &timeout)
	return cmd
}

func setID(text string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	if err != nil || id < 1 {
		return 0, usageError("%q is no number of a set", text)
	}
	return id, nil
}

func (c *cli) set(s client.Answer[client.Set], err error) error {
	if err != nil {
		return err
	}
	return c.show(s.Raw, func(t *table) {
		v := s.Value
		t.row("Set", strconv.FormatInt(v.ID, 10)+", "+v.Name+" to "+v.Environment)
		t.row("State", v.State+": "+v.Message)
		t.row("Asked by", v.RequestedBy.Name+" at "+clock(v.CreatedAt))
		t.row("If one fails", map[string]string{"rollback": "all go back", "stop": "all stay where they are"}[v.OnFailure])
		if v.Note != "" {
			t.row("Note", v.Note)
		}
		for _, i := range v.Items {
			t.row(i.Service+" "+i.Version, itemText(i))
		}
		t.row("Page", c.Page("sets", strconv.FormatInt(v.ID, 10)))
	})
}

func itemText(i client.SetItem) string {
	text := i.State
	if i.From != "" {
		text += ", from " + i.From
	}
	if len(i.After) > 0 {
		text += ", after " + strings.Join(i.After, ", ")
	}
	if i.Deployment != 0 {
		text += ", deployment " + strconv.FormatInt(i.Deployment, 10)
	}
	if i.Back != 0 {
		text += ", back by " + strconv.FormatInt(i.Back, 10)
	}
	if i.Message != "" {
		text += ": " + i.Message
	}
	return text
}

// setText tells one look at a set from another.
func setText(s client.Set) string {
	parts := []string{s.State, s.Ending, s.Message}
	for _, i := range s.Items {
		parts = append(parts, itemText(i))
	}
	return strings.Join(parts, "\n")
}
