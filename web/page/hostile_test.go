package page_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/slipway-dev/slipway/web/page"
)

// poison puts a hostile text into every string that a view model can hold. Names
// of fields and options are poisoned as well: no page may trust any of them.
func poison(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		poison(v.Elem(), text)
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			poison(v.Index(i), text)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i), text)
		}
	case reflect.Bool:
		v.SetBool(true)
	}
}

func poisoned[T any](t *testing.T, view T, text string) T {
	t.Helper()
	poison(reflect.ValueOf(&view).Elem(), text)
	return view
}

// TestHostile fills pages with script and with addresses that run script: neither
// may become an element, a handler or a link.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `JaVaScRiPt:alert(1)`, `//evil.example/x`, `/\evil.example`, `data:text/html,<script>alert(1)</script>`} {
		s := shell("board", text, "/here")
		s.Name, s.Login, s.StopLine, s.Groups = text, text, text, []string{text}
		for name, c := range map[string]templ.Component{
			"board": page.Board(s, poisoned(t, board(), text)), "stage": page.Stage(s, poisoned(t, stage(), text)), "inbox": page.Inbox(s, poisoned(t, inbox(), text)),
			"gate": page.Gate(s, poisoned(t, gate(), text)), "service": page.Service(s, poisoned(t, service(), text)), "pipeline": page.Pipeline(s, poisoned(t, pipeline(), text)),
			"secrets": page.Secrets(s, poisoned(t, secrets(), text)),
			"release": page.Release(s, poisoned(t, release(), text)), "compare": page.Compare(s, poisoned(t, compare(), text)), "run": page.Run(s, poisoned(t, run(), text)),
			"rollback": page.Rollback(s, poisoned(t, rollback(), text)), "activity": page.Activity(s, poisoned(t, activity(), text)), "calendar": page.Calendar(s, poisoned(t, newCalendar("file"), text)), "calendar-form": page.Calendar(s, newCalendarOf("form", poisoned(t, newCalendar("form"), text))), "dry-run": page.DryRun(s, poisoned(t, dryRun(), text)), "why": page.Why(s, poisoned(t, whyNot(), text)), "register": page.Register(s, poisoned(t, register("form"), text)),
			"people": page.People(s, poisoned(t, people(), text)), "environments": page.Environments(s, poisoned(t, environments(), text)), "tokens": page.Tokens(s, poisoned(t, tokens(), text)),
			"ci": page.Trust(s, poisoned(t, trust(), text)), "device": page.Device(s, poisoned(t, device(true), text)),
			"sign-in": page.SignIn(s, poisoned(t, page.SignInView{}, text)), "error": page.Error(s, poisoned(t, page.ErrorView{}, text)), "find": page.Find(s, poisoned(t, find(), text)),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				doc, err := html.Parse(bytes.NewReader(render(t, c)))
				if err != nil {
					t.Fatal(err)
				}
				each(doc, func(n *html.Node) {
					checkElement(t, n, everyLabel(n))
				})
			})
		}
	}
}

// everyLabel lets the label rule pass: poisoned ids collide by design.
func everyLabel(n *html.Node) map[string]bool { return map[string]bool{attr(n, "id"): true} }

// TestTypedLinksStayText holds the two link components to their promise.
func TestTypedLinksStayText(t *testing.T) {
	t.Parallel()
	for _, href := range []string{"javascript:alert(1)", "//evil.example", `/\evil.example`, "data:text/html,x", "ftp://x", "https:evil", " javascript:alert(1)"} {
		v := service()
		v.Repository.Href, v.Repository.Text = href, "typed-link"
		v.TeamHref, v.Team = href, "typed-team"
		doc, err := html.Parse(bytes.NewReader(render(t, page.Service(shell("board", "", "/"), v))))
		if err != nil {
			t.Fatal(err)
		}
		each(doc, func(n *html.Node) {
			if n.Data == "a" && n.FirstChild != nil && (n.FirstChild.Data == "typed-link" || n.FirstChild.Data == "typed-team") {
				t.Errorf("%q became a link to %q", href, attr(n, "href"))
			}
		})
	}
}
