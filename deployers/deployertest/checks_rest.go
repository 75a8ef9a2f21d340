package deployertest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

// secretsStaySecret hands a canary to releases that work and that fail, takes
// every path that makes words, and looks for the canary in all of them.
func secretsStaySecret(e *env) {
	canary := "canary-" + rand.Text() + `+/&"<é`
	withSecret := func(kind Kind, version string) deployers.Track {
		track := e.track(kind, version, 100, 1)
		track.Secrets = map[string]deployers.Secret{"CANARY_TOKEN": deployers.NewSecret(canary)}
		return track
	}
	var said []string
	say := func(v any) { said = append(said, fmt.Sprintf("%v %+v", v, v), show(v)) }

	d := desired(2, withSecret(Good, "1.0.0"))
	say(e.converge(d))
	say(e.s.Deployer.Apply(e.ctx, e.target, desired(1, withSecret(Good, "1.0.0"))))
	for i, kind := range e.h.known(Exits, NeverReady) {
		bad := desired(int64(3+i), withSecret(kind, "1.1.0"))
		preview, err := e.s.Deployer.Preview(e.ctx, e.target, bad)
		say(preview)
		say(string(preview.Prepared))
		say(err)
		e.apply(bad)
		say(e.until("a failure is reported", func(o deployers.Observed) bool {
			return o.Failure != nil && o.Generation == bad.Generation
		}))
	}
	wrong := withSecret(Good, "1.2.0")
	wrong.Config = json.RawMessage(`{"` + canaryFreeKey + `": 1`)
	say(e.s.Deployer.Apply(e.ctx, e.target, desired(9, wrong)))
	if reader, ok := e.s.Deployer.(deployers.LogReader); ok {
		lines, _, err := reader.Logs(e.ctx, e.target, "", 1000)
		say(lines)
		say(err)
	}
	said = append(said, e.log.String())
	for _, text := range said {
		for _, form := range forms(canary) {
			if strings.Contains(text, form) {
				e.Errorf("a secret value is readable in: %s", strings.ReplaceAll(text, form, "[THE SECRET]"))
			}
		}
	}
}

const canaryFreeKey = "not a key of any config"

func validateProblems(e *env) {
	good := e.track(Good, "1.0.0", 100, 1)
	settings, problems := e.s.Deployer.Validate(good.Config)
	if len(problems) != 0 {
		e.Errorf("a good config has problems: %v", problems)
	}
	if settings.Replicas < 1 {
		e.Errorf("settings of a good config: %d replicas", settings.Replicas)
	}
	_, problems = e.s.Deployer.Validate(json.RawMessage(`{"` + canaryFreeKey + `": true}`))
	if len(problems) == 0 {
		e.Errorf("an unknown key was accepted")
	}
	_, problems = e.s.Deployer.Validate(json.RawMessage(`[`))
	if len(problems) == 0 {
		e.Errorf("a config that is no JSON was accepted")
	}
	if e.h.BadConfig == nil {
		return
	}
	_, problems = e.s.Deployer.Validate(e.h.BadConfig)
	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path)
		if p.Message == "" {
			e.Errorf("a problem at %q has no message", p.Path)
		}
	}
	for _, want := range e.h.BadPaths {
		if !slices.Contains(paths, want) {
			e.Errorf("no problem reported at %q; reported: %v", want, problems)
		}
	}
}

func previewChangesNothing(e *env) {
	first := desired(1, e.track(Good, "1.0.0", 100, 1))
	preview, err := e.s.Deployer.Preview(e.ctx, e.target, first)
	if err != nil || !strings.Contains(preview.Text, "1.0.0") {
		e.Errorf("the preview must name the version: %q, %v", preview.Text, err)
	}
	if o := e.observe(); o.Generation != 0 || len(o.Tracks) != 0 {
		e.Errorf("a preview changed a target that was never applied: %s", show(o))
	}
	before := e.converge(first)
	preview, err = e.s.Deployer.Preview(e.ctx, e.target, desired(9, e.track(Good, "1.1.0", 100, 1)))
	if err != nil || !strings.Contains(preview.Text, "1.1.0") {
		e.Errorf("the preview must name the version: %q, %v", preview.Text, err)
	}
	after := e.observe()
	after.At = before.At
	if show(before) != show(after) {
		e.Errorf("a preview changed the target: %s, then %s", show(before), show(after))
	}
	e.converge(desired(2, e.track(Good, "1.0.0", 100, 1)))
}

func destroyLeavesNothing(e *env) {
	destroyer, ok := e.s.Deployer.(deployers.Destroyer)
	if !ok {
		e.Fatalf("this deployer is no Destroyer any more")
	}
	if err := destroyer.Destroy(e.ctx, e.target); err != nil {
		e.Errorf("destroying what does not exist: %v", err)
	}
	e.converge(desired(3, e.track(Good, "1.0.0", 100, e.replicas(2))))
	for range 2 {
		if err := destroyer.Destroy(e.ctx, e.target); err != nil {
			e.Fatalf("Destroy: %v", err)
		}
		if names := e.instances(); len(names) != 0 {
			e.Errorf("still running after Destroy: %v", names)
		}
		neverApplied(e)
	}
	e.converge(desired(1, e.track(Good, "1.0.0", 100, 1)))
}
