package page

import "time"

// ChatView is which chat accounts speak for a person.
type ChatView struct {
	Accounts []ChatRow
	How      string // to link one
	Error    string
	Key      string
}

// ChatRow is one of them.
type ChatRow struct {
	Where     string // "Slack"
	Platform  string // "slack"
	Workspace string
	ID        string
	Name      string
	Linked    time.Time
}

// ChatLinkView is an account that somebody is about to call their own.
type ChatLinkView struct {
	Where     string
	Workspace string
	ID        string
	Name      string
	Link      string
	Error     string
	Key       string
}
