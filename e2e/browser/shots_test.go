package browser_test

import (
	"bytes"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots takes the README's picture of the board (docs/pictures) in
// both themes. With SLIPWAY_SHOTS=DIR it writes all pages of the demo there too,
// at two widths, for people to look at; SLIPWAY_SHOTS_OF=REGEXP narrows which.
func TestScreenshots(t *testing.T) {
	t.Parallel()
	dir, widths := os.Getenv("SLIPWAY_SHOTS"), []int64{360, 1440}
	if dir == "" {
		dir, widths = t.TempDir(), nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	only, err := regexp.Compile(os.Getenv("SLIPWAY_SHOTS_OF"))
	if err != nil {
		t.Fatal(err)
	}
	p := start(t)
	b, door := open(t, p), open(t, p)
	b.signIn("Ana Nordin")
	b.expect("404")
	for _, theme := range []string{"light", "dark"} {
		b.look(theme, 1440)
		for _, width := range widths {
			b.look(theme, width)
			door.look(theme, width)
			save := func(b *tab, s shot) {
				if !only.MatchString(s.name) {
					return
				}
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
	if config, format, err := image.DecodeConfig(bytes.NewReader(png)); err != nil || format != "png" || config.Width < 320 || config.Height < 320 {
		b.t.Errorf("%s is no picture: %s, %d by %d, %v", filepath.Base(path), format, config.Width, config.Height, err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
