package slipway

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// lookAgain is how soon a shut gate of secrets has them looked at anew.
const lookAgain = 5 * time.Second

// secretsVerdict is the key-coverage gate: every key that the stage needs is
// set, and every version that a rollback brings back is still there.
func secretsVerdict(f GateFacts) Verdict {
	spec, view := f.Deployment.Plan.To, f.Secrets
	v := Verdict{Gate: "secrets", Result: Pass}
	shut := func(r Result, reason, who string) Verdict {
		again := f.Now.Add(lookAgain)
		v.Result, v.Reason, v.Who, v.AskAgain = r, reason, who, &again
		return v
	}
	if f.Deployment.Cause == CauseRollback {
		return secretsOfThen(f, v, shut)
	}
	writers := fmt.Sprintf("who may write secrets of %s in %s", f.Deployment.Service, f.Deployment.Environment)
	if view.Fault != "" {
		v.Since = view.Since
		return shut(Unknown, view.Problem, "who runs the secret store")
	}
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(spec.Secrets)) {
		if spec.Secrets[key] == 0 {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		return shut(Fail, fmt.Sprintf("%s lacks %s, which %s needs there.", f.Deployment.Environment, strings.Join(missing, ", "), f.Deployment.Service), writers)
	}
	v.Reason = fmt.Sprintf("All %d keys are set, in version %d.", len(spec.Secrets), view.Version)
	if len(spec.Secrets) == 1 {
		v.Reason = fmt.Sprintf("Its key is set, in version %d.", view.Version)
	}
	return v
}

// secretsOfThen judges the versions that ran before. While the store cannot be
// asked the way back stays open: the values are fetched as soon as it can.
func secretsOfThen(f GateFacts, v Verdict, shut func(Result, string, string) Verdict) Verdict {
	spec, view := f.Deployment.Plan.To, f.Secrets
	if view.Fault != "" || view.Path != spec.SecretPath {
		v.Reason = "The secrets of then are fetched when they are needed."
		return v
	}
	for _, key := range slices.Sorted(maps.Keys(spec.Secrets)) {
		pinned := spec.Secrets[key]
		kept := SecretHistory{Versions: view.Versions}
		version, ok := kept.Find(pinned)
		name := fmt.Sprintf("Version %d of the secrets, which %s ran with in %s,", pinned, f.Deployment.Version, f.Deployment.Environment)
		switch {
		case !ok:
			return shut(Fail, name+" is not kept any more.", "nobody: go back to another release, or promote this one with today's secrets")
		case version.Destroyed:
			return shut(Fail, name+" was destroyed.", "nobody: go back to another release, or promote this one with today's secrets")
		case !version.Readable():
			return shut(Wait, name+" is deleted.", fmt.Sprintf("who may write secrets of %s in %s, by undeleting it", f.Deployment.Service, f.Deployment.Environment))
		}
	}
	v.Reason = "The versions of then are there."
	return v
}
