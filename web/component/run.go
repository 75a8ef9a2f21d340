package component

import "time"

// LogLine is one line of a run's output.
type LogLine struct {
	Number int
	At     time.Time
	Stream string // "stdout", "stderr", "step" for our own headings
	Text   string
}

// Event is one entry of a deployment's timeline.
type Event struct {
	At    time.Time
	Text  string
	Actor string // "" = automation
}

func percent(part, whole int) int {
	if whole <= 0 {
		return 0
	}
	return part * 100 / whole
}

// barHeight scales to the tallest bar; a value above zero stays visible.
func barHeight(v int, all []int) int {
	top := 1
	for _, o := range all {
		top = max(top, o)
	}
	if v <= 0 {
		return 1
	}
	return max(2, v*24/top)
}

func lineLabel(l LogLine) string {
	if l.Stream == "stderr" {
		return "Line " + num(l.Number) + ", error stream"
	}
	return "Line " + num(l.Number)
}
