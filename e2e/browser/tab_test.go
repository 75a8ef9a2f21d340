package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/slipway-dev/slipway/e2e/portal"
)

// patience is how long anything may take to show on a busy machine.
const patience = 20 * time.Second

// tab is a tab of one person, in a browser profile of their own.
type tab struct {
	t       testing.TB
	ctx     context.Context //nolint:containedctx // chromedp hands the tab around in a context
	portal  *portal.Portal
	scripts bool
	clicks  int

	mu         sync.Mutex
	complaints []string
	expected   *regexp.Regexp
}

// open makes a fresh profile with an empty tab.
func open(t testing.TB, p *portal.Portal) *tab {
	t.Helper()
	needsBrowser(t)
	ctx, cancel := chromedp.NewContext(shared.browser, chromedp.WithNewBrowserContext())
	b := &tab{t: t, ctx: ctx, portal: p, scripts: true}
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	// The first call makes the tab, which ends with the context of that call: it
	// must be one without a deadline.
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	return b
}

// withoutScripts turns JavaScript off before the first page.
func (b *tab) withoutScripts() *tab {
	b.t.Helper()
	b.scripts = false
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return b
}

// expect lets the browser complain about what matches, such as a page that is
// meant to answer 404.
func (b *tab) expect(pattern string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = regexp.MustCompile(pattern)
}

func (b *tab) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.expected == nil || !b.expected.MatchString(text) {
		b.complaints = append(b.complaints, text)
	}
}

// listen hears console errors, violations of the content policy (which Chromium
// logs as errors of the source "security"), and requests to anybody else.
func (b *tab) listen(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complain(fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		said, _ := json.Marshal(e.ExceptionDetails)
		b.complain("exception: " + string(said))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			said, _ := json.Marshal(e.Args)
			b.complain("console: " + string(said))
		}
	case *network.EventRequestWillBeSent:
		ours, _ := url.Parse(b.portal.URL)
		if u, err := url.Parse(e.Request.URL); err != nil || (u.Host != ours.Host && u.Scheme != "data" && u.Scheme != "blob") {
			b.complain("a request to " + e.Request.URL)
		}
	}
}

// do runs actions with a deadline.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// call sends a command of the protocol, with a deadline.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// eval evaluates an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v in %s", err, expression)
	}
	return value
}

// visit opens one of the portal's pages by its path.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.portal.URL + path))
}

// until waits until the expression is true in the page. A page that is just
// being replaced counts as "not yet".
func (b *tab) until(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for {
		if yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err == nil && yes {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			b.t.Fatalf("%s: still not after %v.\n%s", what, patience, b.dump())
		}
	}
}

// dump is where the tab is and what can be read there.
func (b *tab) dump() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// sees waits until the text can be read on the page.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.until("to read "+quote(text), `document.body.innerText.replace(/\s+/g," ").includes(`+quote(text)+`)`)
}

// seesNot fails if the text can be read on the page now.
func (b *tab) seesNot(text string) {
	b.t.Helper()
	if eval[bool](b, `document.body.innerText.replace(/\s+/g," ").includes(`+quote(text)+`)`) {
		b.t.Errorf("%q is to be read where it should not:\n%s", text, b.dump())
	}
}

// at waits until the tab has loaded an address whose path and query match.
func (b *tab) at(pattern string) {
	b.t.Helper()
	b.until("to be at "+pattern, `document.readyState === "complete" && new RegExp(`+quote("^(?:"+pattern+")$")+`).test(location.pathname + location.search)`)
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings can be marshalled
	}
	return strings.ReplaceAll(string(quoted), `\u0026`, "&")
}
