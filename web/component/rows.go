package component

func thing(t string) string {
	if t == "setting" || t == "secret" {
		return "key"
	}
	if t == "" {
		return "entry"
	}
	return t
}

// checkWord names a verdict, which is not the same as a station's state.
func checkWord(s State) string {
	switch s {
	case Live:
		return "passes"
	case Waiting, Rolling:
		return "waits"
	case Failed, Frozen:
		return "does not pass"
	case None:
		return "not needed"
	default:
		return "not known"
	}
}

func voteState(v Vote) State {
	switch {
	case v.Void:
		return None
	case v.Decision == "rejected":
		return Failed
	default:
		return Live
	}
}
