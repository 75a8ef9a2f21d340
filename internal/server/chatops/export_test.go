package chatops

import (
	"strings"
	"time"
)

// Read is a command as it is understood: its verb, and the words that count.
func Read(text string) string {
	verb, rest := readCommand(text)
	words := strings.Join(meant(rest), " ")
	if words == "" {
		return verb
	}
	return verb + " [" + words + "]"
}

// Number is the number of a deployment; empty if the text is none.
func Number(text string) string {
	digits, _ := deploymentNumber(text)
	return digits
}

// Until is the end of a freeze and what follows it.
func Until(text string, now time.Time) string {
	at, rest, err := readUntil(readWords(text), now)
	if err != nil {
		return ""
	}
	return at.Format(time.RFC3339) + " " + joined(rest)
}

// Nearest is the known word that another is near.
func Nearest(typed string, known []string) string { return nearest(typed, known) }

// Verbs are the names of all verbs.
func Verbs() []string { return names() }
