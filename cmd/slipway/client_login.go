package main

import (
	"bufio"
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
	return &cobra.Command{
		Use: "login [URL]", Short: "Keep the address of a Slipway and an API token, after trying them", Args: cobra.MaximumNArgs(1),
		Long: "Reads an API token from standard input, tries it, and keeps it with the address in the user's\nconfiguration directory, readable by nobody else. Create a token under Settings, Tokens.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c := newCLI(cmd)
			address := os.Getenv("SLIPWAY_URL")
			if len(args) > 0 {
				address = args[0]
			}
			if address == "" {
				return usageError("the address is missing: slipway login URL")
			}
			if c.person {
				fmt.Fprintf(c.out, "Create a token at %s/settings/tokens, then paste it here: ", strings.TrimRight(address, "/"))
			}
			token, err := readToken(c)
			if err != nil {
				return err
			}
			if c.Client, err = client.New(address, token); err != nil {
				return exitError{exitUsage, err}
			}
			me, err := c.Me(cmd.Context())
			if err != nil {
				return explained(err)
			}
			path, err := writeCredentials(credentials{URL: strings.TrimRight(address, "/"), Token: token})
			if err != nil {
				return err
			}
			c.say("Signed in to %s as %s. Kept in %s.", address, tame(me.Value.Name), path)
			return nil
		},
	}
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
