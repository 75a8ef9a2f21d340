package chatops

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// named says which of the words of a command is a service, which is an
// environment, and which is something else, in whatever order they stand.
type named struct {
	service     string
	environment string
	rest        []string // a version, say
}

// resolve goes by what there is, as far as who asks may see it: a word that is
// no name is not guessed at, but something near it is offered.
func (c *call) resolve(ctx context.Context, words []string) (n named, err error) {
	environments, err := c.App.Environments(ctx, c.actor)
	if err != nil {
		return n, err
	}
	for i, text := range words {
		if before, version, cut := strings.Cut(text, "@"); cut && n.service == "" && before != "" && version != "" {
			words = slices.Concat(words[:i:i], []string{before, version}, words[i+1:])
			break
		}
	}
	for _, text := range words {
		if n.service == "" {
			found, err := c.serviceNamed(ctx, text)
			if err != nil {
				return n, err
			}
			if found != "" {
				n.service = found
				continue
			}
		}
		if n.environment == "" {
			if found := environmentNamed(text, environments); found != "" {
				n.environment = found
				continue
			}
		}
		n.rest = append(n.rest, text)
	}
	return n, nil
}

// serviceNamed is the service of a name, whatever its case; empty if there is
// none that who asks may see.
func (c *call) serviceNamed(ctx context.Context, text string) (string, error) {
	name := strings.ToLower(text)
	if slipway.CheckName(name) != "" {
		return "", nil
	}
	s, err := c.App.Service(ctx, c.actor, name)
	if slipway.IsNotFound(err) {
		return "", nil
	}
	return s.Name, err
}

// environmentNamed is the environment that a word means, if it can only mean
// one: its name, the beginning of its name, or the short form of its tier where
// there is one environment of that.
func environmentNamed(text string, all []slipway.Environment) string {
	text = strings.ToLower(text)
	var begins, tier []string
	tiers := map[string]slipway.Tier{"prod": slipway.TierProduction, "prd": slipway.TierProduction, "production": slipway.TierProduction, "live": slipway.TierProduction,
		"stage": slipway.TierStaging, "stg": slipway.TierStaging, "staging": slipway.TierStaging, "dev": slipway.TierDevelopment, "development": slipway.TierDevelopment}
	for _, e := range all {
		switch name := strings.ToLower(e.Name); {
		case name == text || strings.EqualFold(e.Title, text):
			return e.Name
		case len(text) >= 2 && strings.HasPrefix(name, text):
			begins = append(begins, e.Name)
		}
		if t, known := tiers[text]; known && t == e.Tier {
			tier = append(tier, e.Name)
		}
	}
	switch {
	case len(begins) == 1:
		return begins[0]
	case len(begins) == 0 && len(tier) == 1:
		return tier[0]
	default:
		return ""
	}
}

// noService says that a word is no service, and which one is near.
func (c *call) noService(ctx context.Context, n named, example string) error {
	if len(n.rest) == 0 {
		return usage("Which service?", example)
	}
	known, _, err := c.App.Services(ctx, c.actor, slipway.ServiceFilter{}, slipway.Page{Limit: 200})
	if err != nil {
		return err
	}
	list := make([]string, len(known))
	for i, s := range known {
		list[i] = s.Name
	}
	for _, text := range n.rest {
		if near := nearest(text, list); near != "" {
			return notThat("service", text, near)
		}
	}
	return slipway.NotFound("service", brief(n.rest[0]))
}

// noEnvironment does so for an environment.
func (c *call) noEnvironment(ctx context.Context, n named, example string) error {
	environments, err := c.App.Environments(ctx, c.actor)
	if err != nil {
		return err
	}
	var list []string
	for _, e := range environments {
		list = append(list, e.Name)
	}
	for _, text := range slices.Backward(n.rest) {
		var begins []string
		for _, name := range list {
			if strings.HasPrefix(name, strings.ToLower(text)) {
				begins = append(begins, name)
			}
		}
		if len(begins) > 1 {
			return &slipway.Error{Code: slipway.CodeInvalid, Message: fmt.Sprintf("%q may be %s.", brief(text), strings.Join(begins, " or ")), Affected: "Nothing was changed.", Do: "Write which."}
		}
		if near := nearest(text, list); near != "" {
			return notThat("environment", text, near)
		}
	}
	return usage("Which environment? There are "+strings.Join(list, ", ")+".", example)
}

func notThat(kind, text, near string) error {
	e := slipway.NotFound(kind, brief(text))
	e.Affected, e.Do = "Nothing was changed.", "Did you mean "+near+"?"
	return e
}

// stage needs a service and an environment among the words.
func (c *call) stage(ctx context.Context, words []word, example string) (n named, err error) {
	if n, err = c.resolve(ctx, meant(words)); err != nil {
		return n, err
	}
	if n.service == "" {
		return n, c.noService(ctx, n, example)
	}
	if n.environment == "" {
		return n, c.noEnvironment(ctx, n, example)
	}
	return n, nil
}

// environment needs one as the first of the words, and returns what follows.
func (c *call) environment(ctx context.Context, example string) (name string, rest []word, err error) {
	environments, err := c.App.Environments(ctx, c.actor)
	if err != nil {
		return "", nil, err
	}
	for i, w := range c.words {
		if len(meant(c.words[i:i+1])) == 0 {
			continue
		}
		if name = environmentNamed(strings.Trim(w.text, ",:;"), environments); name != "" {
			return name, c.words[i+1:], nil
		}
		return "", nil, c.noEnvironment(ctx, named{rest: []string{w.text}}, example)
	}
	return "", nil, usage("Which environment?", example)
}

// deployment finds the deployment that the words speak of: by its number, or as
// the one that is under way in a stage. rest is what follows.
func (c *call) deployment(ctx context.Context, example string) (p app.DeploymentPage, rest []word, err error) {
	for i, w := range c.words {
		if len(meant(c.words[i:i+1])) == 0 {
			continue
		}
		if digits, ok := deploymentNumber(strings.Trim(w.text, ",:;.")); ok {
			n, err := strconv.ParseInt(digits, 10, 64)
			if err != nil {
				return p, nil, slipway.NotFound("deployment", digits)
			}
			p, err = c.App.Deployment(ctx, c.actor, n)
			return p, c.words[i+1:], err
		}
		break
	}
	// A service and an environment; whatever comes behind both is the rest.
	for end := min(len(c.words), 5); end >= 2; end-- {
		n, err := c.resolve(ctx, meant(c.words[:end]))
		if err != nil {
			return p, nil, err
		}
		if n.service == "" || n.environment == "" || len(n.rest) > 0 {
			continue
		}
		stage, err := c.App.StagePage(ctx, c.actor, n.service, n.environment)
		if err != nil {
			return p, nil, err
		}
		if stage.Active == nil {
			return p, nil, slipway.Conflict("Nothing is under way in "+n.environment+" of "+n.service+".", "")
		}
		p, err = c.App.Deployment(ctx, c.actor, stage.Active.ID)
		return p, c.words[end:], err
	}
	if _, err = c.stage(ctx, c.words, example); err == nil {
		err = usage("Which deployment?", example)
	}
	return p, nil, err
}
