package chatops_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/server/chatops"
)

// TestTheManifestFits: the Slack app that the manifest makes reports to addresses
// that there are, and may do what Slipway does.
func TestTheManifestFits(t *testing.T) {
	t.Parallel()
	var m struct {
		Features struct {
			SlashCommands []struct{ Command, URL string } `yaml:"slash_commands"`
		}
		OAuth struct{ Scopes struct{ Bot []string } } `yaml:"oauth_config"`

		Settings struct {
			Interactivity struct {
				Enabled bool   `yaml:"is_enabled"`
				URL     string `yaml:"request_url"`
			}
		}
	}
	ok(t, yaml.Unmarshal(must(os.ReadFile("../../../docs/slack-app-manifest.yaml"))(t), &m))
	r := newRig(t)
	surface := must(chatops.New(chatops.Config{App: r.App, Log: discard()}))(t)
	var paths []string
	for _, route := range surface.Routes() {
		paths = append(paths, "https://slipway.example.com"+route.Path)
	}
	commands := m.Features.SlashCommands
	if len(commands) != 1 || commands[0].Command != "/slipway" || !slices.Contains(paths, commands[0].URL) || !m.Settings.Interactivity.Enabled || !slices.Contains(paths, m.Settings.Interactivity.URL) {
		t.Errorf("the manifest makes %+v", m)
	}
	for _, scope := range []string{"commands", "chat:write"} {
		if !slices.Contains(m.OAuth.Scopes.Bot, scope) {
			t.Errorf("the bot may not %s", scope)
		}
	}
}

// TestEveryVerbIsTold: the page names what can be written.
func TestEveryVerbIsTold(t *testing.T) {
	t.Parallel()
	page := string(must(os.ReadFile("../../../docs/chat.md"))(t))
	for _, verb := range chatops.Verbs() {
		if !strings.Contains(page, "`"+verb+" ") && !strings.Contains(page, "`"+verb+"`") {
			t.Errorf("docs/chat.md does not tell of %s", verb)
		}
	}
}
