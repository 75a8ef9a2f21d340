package manifest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// FormatPipeline writes a pipeline as slipway.yaml in one fixed form: always
// the same order, one setting in a line, so that a comparison of two shows
// what changed. ParsePipeline reads it back as the same.
func FormatPipeline(p slipway.Pipeline) []byte {
	root := mapping()
	put(root, "apiVersion", text(APIVersion))
	put(root, "service", text(p.Service))
	putText(root, "team", p.Team)
	stages := sequence()
	for _, s := range p.Stages {
		stages.Content = append(stages.Content, formatStage(s))
	}
	if len(p.Stages) > 0 {
		put(root, "stages", stages)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	// Writing plain nodes to memory has nothing to fail at.
	_ = encoder.Encode(root)
	_ = encoder.Close()
	return out.Bytes()
}

func formatStage(s slipway.Stage) *yaml.Node {
	stage := mapping()
	put(stage, "environment", text(s.Environment))
	putTexts(stage, "after", s.After)
	deployer := mapping()
	put(deployer, "name", text(s.Deployer.Name))
	if config := formatConfig(s.Deployer.Config); config != nil && len(config.Content) > 0 {
		put(deployer, "config", config)
	}
	put(stage, "deployer", deployer)
	put(stage, "strategy", formatStrategy(s.Strategy))
	putTexts(stage, "secrets", s.Secrets)
	putText(stage, "rotate", string(s.Rotate))
	if s.SecretsBy != nil {
		put(stage, "secretApproval", formatApproval(*s.SecretsBy))
	}
	putList(stage, "gates", s.Gates, formatGate)
	putList(stage, "verify", s.Verify, formatCheck)
	putDuration(stage, "bake", s.Bake)
	if hooks := formatHooks(s.Hooks); len(hooks.Content) > 0 {
		put(stage, "hooks", hooks)
	}
	putList(stage, "waves", s.Waves, formatWave)
	putFlag(stage, "autoPromote", s.AutoPromote)
	putText(stage, "onFailure", string(s.OnFailure))
	putDuration(stage, "deadline", s.Deadline)
	return stage
}

func formatStrategy(s slipway.Strategy) *yaml.Node {
	n := mapping()
	putText(n, "type", string(s.Type))
	putNumber(n, "batch", s.Batch)
	putNumber(n, "maxUnavailable", s.MaxUnavailable)
	putDuration(n, "keepWarm", s.KeepWarm)
	putFlag(n, "manual", s.Manual)
	putFlag(n, "preview", s.Preview)
	putList(n, "steps", s.Steps, func(step slipway.CanaryStep) *yaml.Node {
		item := mapping()
		item.Style = yaml.FlowStyle
		put(item, "weight", scalar("!!int", strconv.Itoa(step.Weight)))
		putDuration(item, "bake", step.Bake)
		putFlag(item, "pause", step.Pause)
		return item
	})
	putNumber(n, "share", s.Share)
	putList(n, "match", s.Match, func(m slipway.Match) *yaml.Node {
		item := mapping()
		item.Style = yaml.FlowStyle
		putText(item, "header", m.Header)
		putText(item, "cookie", m.Cookie)
		putText(item, "value", m.Value)
		return item
	})
	return n
}

func formatConfig(raw json.RawMessage) *yaml.Node {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // a long number keeps all its digits
	var v any
	if len(raw) == 0 || decoder.Decode(&v) != nil {
		return nil
	}
	return formatValue(v)
}

func formatValue(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := mapping()
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, text(key), formatValue(v[key]))
		}
		return n
	case []any:
		n := sequence()
		for _, item := range v {
			n.Content = append(n.Content, formatValue(item))
		}
		return n
	case string:
		return text(v)
	case json.Number:
		return scalar("", v.String()) // the value says which kind of number it is
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	default:
		return scalar("!!null", "null")
	}
}

func mapping() *yaml.Node  { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }
func sequence() *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"} }

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// text quotes whatever is not plainly a word: what is safe without quotes
// depends on the version of YAML that reads it.
func text(value string) *yaml.Node {
	n := scalar("!!str", value)
	for i, r := range value {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		inside := r >= '0' && r <= '9' || strings.ContainsRune("-_./", r)
		if !letter && (i == 0 || !inside) {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	return n
}

func put(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, text(key), value)
}

func putText(n *yaml.Node, key, value string) {
	if value != "" {
		put(n, key, text(value))
	}
}

// putList puts a list that has something in it.
func putList[T any](n *yaml.Node, key string, items []T, format func(T) *yaml.Node) {
	list := sequence()
	for _, item := range items {
		list.Content = append(list.Content, format(item))
	}
	if len(items) > 0 {
		put(n, key, list)
	}
}

func putTexts(n *yaml.Node, key string, values []string) {
	if len(values) == 0 {
		return
	}
	items := sequence()
	items.Style = yaml.FlowStyle
	for _, v := range values {
		items.Content = append(items.Content, text(v))
	}
	put(n, key, items)
}

func putNumber(n *yaml.Node, key string, value int) {
	if value != 0 {
		put(n, key, scalar("!!int", strconv.Itoa(value)))
	}
}

func putFlag(n *yaml.Node, key string, value bool) {
	if value {
		put(n, key, scalar("!!bool", "true"))
	}
}

func putDuration(n *yaml.Node, key string, value slipway.Duration) {
	if value != 0 {
		put(n, key, scalar("!!str", value.String()))
	}
}
