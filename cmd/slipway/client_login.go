package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/slipway-dev/slipway/internal/client"
)

// credentials are what login keeps.
type credentials struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

func credentialsPath() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "slipway", "credentials"), nil
}

// connect finds out to whom to speak. A token is only ever sent to the Slipway
// that it was given with.
func connect(env func(string) string) (*client.Client, error) {
	address, token := env("SLIPWAY_URL"), env("SLIPWAY_TOKEN")
	if address == "" || token == "" {
		kept, err := readCredentials()
		if err != nil {
			return nil, err
		}
		if address == "" {
			address = kept.URL
		}
		if token == "" && sameAddress(address, kept.URL) {
			token = kept.Token
		}
	}
	if address == "" || token == "" {
		return nil, exitError{exitDenied, errors.New("not signed in to a Slipway.\nWhat to do: slipway login URL, or set SLIPWAY_URL and SLIPWAY_TOKEN")}
	}
	c, err := client.New(address, token)
	if err != nil {
		return nil, usageError("SLIPWAY_URL: %w", err)
	}
	return c, nil
}

func sameAddress(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

func readCredentials() (credentials, error) {
	var kept credentials
	path, err := credentialsPath()
	if err != nil {
		return kept, nil //nolint:nilerr // no place to keep any is none kept
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return kept, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return kept, fmt.Errorf("%s can be read by others; chmod 600 it, or sign in again", path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return kept, err
	}
	if err := json.Unmarshal(content, &kept); err != nil {
		return kept, fmt.Errorf("%s is damaged; sign in again: %w", path, err)
	}
	return kept, nil
}

// writeCredentials replaces the file, so that an old one's mode is not kept.
func writeCredentials(kept credentials) (string, error) {
	path, err := credentialsPath()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	content, err := json.Marshal(kept)
	if err != nil {
		return "", err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // 0600
	if err != nil {
		return "", err
	}
	_, err = fresh.Write(append(content, '\n'))
	if err = errors.Join(err, fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(fresh.Name()))
	}
	return path, nil
}

func loginCommand() *cobra.Command {
	var ci ciLogin
	var byCI, device, paste, noBrowser bool
	dev := deviceLogin{pause: pauseFor}
	cmd := &cobra.Command{
		Use: "login [URL]", Short: "Sign this command line in", Args: cobra.MaximumNArgs(1),
		Long: `Shows a code that you type into a page of the portal, on any machine with a
browser. The token that you let it have there is kept with the address in the
user's configuration directory, readable by nobody else.

With --with-token, or when nobody sits at a terminal, it reads an API token from
standard input instead. With --ci it exchanges the token that GitHub Actions or
GitLab give to the job, and keeps nothing: see docs/ci.md.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c := newCLI(cmd)
			address := os.Getenv("SLIPWAY_URL")
			if len(args) > 0 {
				address = args[0]
			}
			if address = strings.TrimRight(address, "/"); address == "" {
				return usageError("the address is missing: slipway login URL")
			}
			if byCI {
				if ci.address, ci.env = address, os.Getenv; ci.audience == "" {
					ci.audience = address
				}
				return ci.run(cmd.Context(), c)
			}
			if c.person && !noBrowser {
				dev.open = openPage
			}
			var token string
			var err error
			if (device || c.person) && !paste {
				token, err = dev.token(cmd.Context(), c, address)
			} else {
				token, err = pastedToken(c, address)
			}
			if err != nil {
				return err
			}
			return c.keepToken(cmd.Context(), address, token)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&byCI, "ci", false, "sign a CI job in by the token of its CI system")
	f.StringVar(&ci.audience, "audience", "", "with --ci: that the token is asked for; the address if left out")
	f.Int64Var(&ci.rule, "rule", 0, "with --ci: the trust rule that is meant, if several take the job")
	f.BoolVar(&ci.print, "print-token", false, "with --ci: print the token and nothing else, and hand it on to nobody")
	f.BoolVar(&device, "device", false, "show a code also when nobody sits at a terminal")
	f.BoolVar(&paste, "with-token", false, "read an API token from standard input")
	f.BoolVar(&noBrowser, "no-browser", false, "do not try to open the page")
	f.StringSliceVar(&dev.scopes, "scope", nil, "permissions to narrow the token to, such as release.create; all of yours if left out")
	f.IntVar(&dev.days, "days", 0, "how long the token lives; 30 if left out, 90 at most")
	return cmd
}

func pastedToken(c *cli, address string) (string, error) {
	if c.person {
		fmt.Fprintf(c.out, "Create a token at %s/settings/tokens, then paste it here: ", address)
	}
	return readToken(c)
}

// keepToken tries a token before it keeps it.
func (c *cli) keepToken(ctx context.Context, address, token string) error {
	var err error
	if c.Client, err = client.New(address, token); err != nil {
		return exitError{exitUsage, err}
	}
	me, err := c.Me(ctx)
	if err != nil {
		return explained(err)
	}
	path, err := writeCredentials(credentials{URL: address, Token: token})
	if err != nil {
		return err
	}
	c.say("Signed in to %s as %s. Kept in %s.", address, tame(me.Value.Name), path)
	return nil
}

// readToken reads a line. At a terminal it is not echoed: what is on a screen is
// in its scrollback, too.
func readToken(c *cli) (string, error) {
	var line string
	var err error
	if file, ok := c.in.(*os.File); ok && terminal(file) {
		var typed []byte
		typed, err = term.ReadPassword(int(file.Fd()))
		line = string(typed)
		c.say("")
	} else {
		line, err = bufio.NewReader(io.LimitReader(c.in, 4096)).ReadString('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", usageError("no token came in")
	}
	return line, nil
}
