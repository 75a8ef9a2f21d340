package checks

import (
	"reflect"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// What expression gates may look at. The tags are the words of the language.
type (
	releaseFacts struct {
		Version    string            `cel:"version"`
		Commit     string            `cel:"commit"`
		Notes      string            `cel:"notes"`
		Reversible bool              `cel:"reversible"`
		Config     map[string]string `cel:"config"`
		Artifacts  []artifactFacts   `cel:"artifacts"`
		Changes    []changeFacts     `cel:"changes"`
	}
	artifactFacts struct {
		Name      string `cel:"name"`
		Reference string `cel:"reference"`
		Digest    string `cel:"digest"`
	}
	changeFacts struct {
		Commit  string `cel:"commit"`
		Subject string `cel:"subject"`
		Author  string `cel:"author"`
		URL     string `cel:"url"`
	}
	serviceFacts struct {
		Name string   `cel:"name"`
		Team string   `cel:"team"`
		Tags []string `cel:"tags"`
	}
	environmentFacts struct {
		Name string `cel:"name"`
		Tier string `cel:"tier"`
	}
	deploymentFacts struct {
		Cause       string      `cel:"cause"`
		RequestedBy personFacts `cel:"requestedBy"`
		Note        string      `cel:"note"`
	}
	personFacts struct {
		Kind string `cel:"kind"`
		ID   string `cel:"id"`
		Name string `cel:"name"`
	}
)

// newGateEnv makes the language of expression gates. Its variables have types,
// so that a word that does not exist is found when the pipeline is applied.
func newGateEnv() (*cel.Env, error) {
	facts := map[string]reflect.Type{
		"release": reflect.TypeFor[releaseFacts](), "service": reflect.TypeFor[serviceFacts](),
		"environment": reflect.TypeFor[environmentFacts](), "deployment": reflect.TypeFor[deploymentFacts](),
	}
	described := []any{types.ParseStructTags(true)}
	options := []cel.EnvOption{isNaN(), cel.Variable("now", cel.TimestampType)}
	for name, of := range facts {
		described = append(described, of)
		options = append(options, cel.Variable(name, cel.ObjectType("checks."+of.Name())))
	}
	describe := func(env *cel.Env) (*cel.Env, error) {
		provider, adapter, err := types.ComposeTypes(env.CELTypeProvider(), env.CELTypeAdapter(), described...)
		if err != nil {
			return nil, err
		}
		if env, err = cel.CustomTypeAdapter(adapter)(env); err != nil {
			return nil, err
		}
		return cel.CustomTypeProvider(provider)(env)
	}
	return newEnv(append([]cel.EnvOption{describe}, options...)...)
}

func (x *Expressions) gateProgram(text string) (*program, error) {
	if err := bounded(text); err != nil {
		return nil, err
	}
	return x.ready("gate\x00"+text, func() (*program, error) {
		checked, issues := x.gate.Compile(text)
		if issues.Err() != nil {
			return nil, fault(text, issues)
		}
		return build(x.gate, text, checked)
	})
}

// gateVars are the facts of one deployment.
func gateVars(s slipway.ProbeSubject) map[string]any {
	c := s.Release.Content
	r := releaseFacts{Version: s.Release.Version, Commit: c.Commit, Notes: c.Notes, Reversible: c.Reversible, Config: c.Config}
	for _, a := range c.Artifacts {
		r.Artifacts = append(r.Artifacts, artifactFacts{Name: a.Name, Reference: a.Reference, Digest: a.Digest})
	}
	for _, change := range c.Changes {
		r.Changes = append(r.Changes, changeFacts{Commit: change.Commit, Subject: change.Subject, Author: change.Author, URL: change.URL})
	}
	by := s.Deployment.RequestedBy
	return map[string]any{
		"release":     r,
		"service":     serviceFacts{Name: s.Service.Name, Team: s.Service.Team, Tags: s.Service.Tags},
		"environment": environmentFacts{Name: s.Environment.Name, Tier: string(s.Environment.Tier)},
		"deployment": deploymentFacts{Cause: string(s.Deployment.Cause), Note: s.Deployment.Note,
			RequestedBy: personFacts{Kind: string(by.Kind), ID: by.ID, Name: by.Name}},
		"now": s.Now.Truncate(time.Second),
	}
}
