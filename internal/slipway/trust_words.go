package slipway

// TrustName is what people call the job that a token stands for.
func (r TrustRule) TrustName(claims map[string]string) string {
	first := func(names ...string) string {
		for _, name := range names {
			if claims[name] != "" {
				return claims[name]
			}
		}
		return ""
	}
	name := "ci:" + string(r.Kind) + ":"
	switch r.Kind {
	case TrustGitHub:
		name += first("repository", "repository_id")
		if run := claims["run_id"]; run != "" {
			name += " run " + run
		}
	case TrustGitLab:
		name += first("project_path", "project_id")
		if job := claims["job_id"]; job != "" {
			name += " job " + job
		}
	default:
		name += first("sub", r.Immutable)
	}
	return cut(name, 100)
}

// cut keeps a text that others wrote short, and whole runes.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

// TrustEvidence picks the claims that the audit remembers.
func TrustEvidence(claims map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"iss", "sub", "jti", "repository", "repository_id", "repository_owner_id", "ref", "sha", "environment", "event_name", "workflow_ref", "job_workflow_ref",
		"actor", "actor_id", "run_id", "run_attempt", "project_path", "project_id", "namespace_id", "pipeline_id", "pipeline_source", "job_id", "user_login", "user_id"} {
		if claims[name] != "" {
			out[name] = cut(claims[name], maxTrustText)
		}
	}
	return out
}
