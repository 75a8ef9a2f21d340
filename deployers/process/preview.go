package process

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

// previewText says what would change: first in one line, then per track that is
// new, or starts with something else than what runs. Values of the environment
// are not shown, as release config is none of the reader's business here.
func previewText(name deployers.Target, before, after []trackSpec, port, preview int) string {
	lines := []string{fmt.Sprintf("%s: %s → %s", name, summary(before), summary(after))}
	if port != 0 {
		lines = append(lines, fmt.Sprintf("address http://127.0.0.1:%d", port))
	}
	for _, spec := range after {
		lines = append(lines, ways(spec, preview)...)
		if _, same := findSpec(before, spec.ID); same {
			lines = append(lines, fmt.Sprintf("%s: keeps running as it is", spec.Version))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: start %s", spec.Version, times(spec.Replicas)))
		lines = append(lines, "  command "+strings.Join(quoted(spec.Config.Command), " "))
		if spec.Artifact.Reference != "" {
			lines = append(lines, "  artifact "+spec.Artifact.Reference, "  digest "+spec.Artifact.Digest)
		}
		r := spec.Config.Readiness
		lines = append(lines, fmt.Sprintf("  ready when GET %s answers %d", r.Path, r.Expect))
		if names := environmentNames(spec); len(names) > 0 {
			lines = append(lines, "  environment "+strings.Join(names, ", "))
		}
		if len(spec.SecretNames) > 0 {
			how := map[string]string{inFiles: " as files"}[spec.Config.SecretsAs]
			lines = append(lines, "  secrets "+strings.Join(spec.SecretNames, ", ")+how)
		}
	}
	for _, spec := range before {
		if _, stays := findSpec(after, spec.ID); !stays {
			lines = append(lines, fmt.Sprintf("%s: drain and stop %s", spec.Version, times(spec.Replicas)))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// ways are those to a track that do not depend on its share of the traffic.
func ways(spec trackSpec, preview int) []string {
	var lines []string
	for _, m := range spec.Match {
		kind, name := "header", m.Header
		if m.Cookie != "" {
			kind, name = "cookie", m.Cookie
		}
		lines = append(lines, fmt.Sprintf("%s: gets each request with the %s %s: %s", spec.Version, kind, name, m.Value))
	}
	if spec.Preview && preview != 0 {
		lines = append(lines, fmt.Sprintf("%s: preview address http://127.0.0.1:%d", spec.Version, preview))
	} else if spec.Preview {
		lines = append(lines, spec.Version+": preview address, a port chosen then and kept")
	}
	return lines
}

func summary(specs []trackSpec) string {
	if len(specs) == 0 {
		return "nothing"
	}
	var parts []string
	for _, s := range specs {
		parts = append(parts, fmt.Sprintf("%s ×%d (%d %%)", s.Version, s.Replicas, s.Weight))
	}
	return strings.Join(parts, ", ")
}

func times(n int) string {
	if n == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}

func quoted(argv []string) []string {
	var out []string
	for _, arg := range argv {
		if arg == "" || strings.ContainsAny(arg, " \t\n\"'\\") {
			arg = fmt.Sprintf("%q", arg)
		}
		out = append(out, arg)
	}
	return out
}

func environmentNames(spec trackSpec) []string {
	all := maps.Clone(spec.Env)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, spec.Config.Env)
	return slices.Sorted(maps.Keys(all))
}
