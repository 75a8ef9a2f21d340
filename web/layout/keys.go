package layout

type keyHint struct {
	keys []string
	what string
}

// keyList is what the help shows; static/js/keys.js does what it says.
func keyList() []keyHint {
	return []keyHint{
		{[]string{"g", "b"}, "Board"},
		{[]string{"g", "i"}, "Inbox"},
		{[]string{"g", "a"}, "Activity"},
		{[]string{"g", "s"}, "Settings"},
		{[]string{"j", "k"}, "Next and previous row"},
		{[]string{"Enter"}, "Open the row"},
		{[]string{"a"}, "Approve what is open"},
		{[]string{"r"}, "Reject or roll back"},
		{[]string{"/"}, "Find"},
		{[]string{"⌘ K"}, "Find or do, anywhere"},
		{[]string{"?"}, "This list"},
	}
}
