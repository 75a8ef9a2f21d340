package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots writes all pages of the demo into the directory that
// SLIPWAY_SHOTS names, in both themes, at two widths, and the board once more as
// the README shows it (docs/pictures). It judges nothing.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SLIPWAY_SHOTS")
	if dir == "" {
		t.Skip("SLIPWAY_SHOTS names no directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := start(t)
	b, door := open(t, p), open(t, p)
	b.signIn("Ana Nordin")
	b.expect("404")
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1440} {
			b.look(theme, width)
			door.look(theme, width)
			save := func(b *tab, s shot) {
				b.visit(s.path)
				b.until("the fonts to be there", `document.fonts.status === "loaded"`)
				picture(b, filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", s.name, theme, width)))
			}
			for _, s := range pages(t, p) {
				save(b, s)
			}
			save(door, shot{"sign-in", "/sign-in"})
		}
		// For the README: as high as its content.
		b.do(chromedp.EmulateViewport(1440, 400))
		b.visit("/")
		b.until("the fonts to be there", `document.fonts.status === "loaded"`)
		b.until("the stream to be there", `document.querySelector("#live").dataset.state === "live"`)
		picture(b, filepath.Join(dir, "readme-board-"+theme+".png"))
	}
}

func picture(b *tab, path string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
