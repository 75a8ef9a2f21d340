package browser_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/demoapp"
)

// An open board shows within two seconds what somebody else does by the API,
// without being loaded again; when the portal dies it says so, and it finds its
// way back by itself.
func TestLiveBoard(t *testing.T) {
	t.Parallel()
	p := start(t)
	b := open(t, p)
	b.signIn("Ana Nordin")
	b.visit("/")
	b.until("the stream to be there", `document.querySelector("#live").dataset.state === "live"`)
	eval[bool](b, `window.sameDocument = true`)

	p.Bundle(t, filepath.Join(t.TempDir(), "artifacts"), demoapp.Bundle{Service: "billing-api", Version: "1.44.0", Colour: "teal"})
	p.Must(t, http.MethodPost, "/api/v1/services/assets/deployments", map[string]any{"environment": "production", "version": "41"}, nil)
	began := time.Now()
	b.until("the board to show who waits", `[...document.querySelectorAll("#board td")].some((c) => c.dataset.env === "production" && c.innerText.includes("41 waits for"))`)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the board took %v to show it", took)
	}

	// The browser says that the stream is lost, as it should, and so does a
	// refresh that was on its way.
	b.expect("ERR_|/events|Failed to fetch")
	p.Kill()
	b.until("the dot to be hollow", `document.querySelector("#live").dataset.state === "lost"`)
	b.sees("reconnecting")
	b.sees("billing-api") // what was there stays
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	again, err := portal.Start(ctx, shared.binary, p.Dir, p.Listen())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Kill) // runs before the clean-up of the first one
	b.until("the stream to be back", `document.querySelector("#live").dataset.state === "live"`)
	if !eval[bool](b, `window.sameDocument === true`) {
		t.Error("the page was loaded again")
	}
}
