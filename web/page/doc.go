// Package page holds the pages: one templ file each, with the flat view model it
// renders beside it. A view model says what is shown, never what may be done: a
// button appears because the server put a true there, and the server checks again
// when it is pressed.
//
// Every page takes the frame (layout.Shell) and its own view. Parts that refresh
// themselves carry an id and ask for the same address again; see static/js/live.js.
package page
