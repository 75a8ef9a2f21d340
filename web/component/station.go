package component

// cellMark changes when something that a person would notice changes; the script
// underlines a cell whose mark differs after a refresh. The age is left out, as it
// changes all the time.
func cellMark(s Station) string {
	return string(s.State) + "|" + s.Version + "|" + s.Detail
}
