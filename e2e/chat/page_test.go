package chat_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/e2e/portal"
)

// TestThePageOfChat does by hand what docs/chat.md shows: from a link to a
// promotion that the channel is told of, with the commands of the page.
func TestThePageOfChat(t *testing.T) {
	t.Parallel()
	p := &page{t: t, blocks: blocks(t, "## Without Slack, by hand")}
	if len(p.blocks) != 5 {
		t.Fatalf("the page has %d blocks", len(p.blocks))
	}
	port := p.listens(p.blocks[0])
	p.fill = []string{"127.0.0.1:9191", "127.0.0.1:" + port}
	env := regexp.MustCompile(`SLIPWAY_\w+=\S+`).FindAllString(p.filled(p.blocks[1]), -1)
	if !strings.HasSuffix(p.blocks[1], "\nslipway dev\n") || len(env) != 3 {
		t.Fatalf("the demo starts by\n%s", p.blocks[1])
	}
	s := &story{t: t, Portal: portal.Run(t, binary, env...)}
	p.fill = append(p.fill, "http://localhost:8080", s.URL)
	p.sh(p.blocks[2])
	s.link("ana", p.hears(`\[Link account\] (http\S+)`))
	p.sh(p.blocks[3])
	p.hears(`(billing-api)`)
	p.fill = append(p.fill, "WHAT-STANDS-BEHIND-THE-BUTTON", p.hears(`\[Promote 2\.2\.0\] (\S+)`))
	p.sh(p.blocks[4])
	p.hears(`goes to staging: (deployment \d+)`)
	p.hears(`^(chat\.postMessage)$`)
}

// page is somebody who types what stands on it.
type page struct {
	t      *testing.T
	blocks []string
	fill   []string // what stands for something, and what it is
	before string   // typed so far, for the functions in it
	heard  chan string
	said   []string
}

// blocks are the indented lines below a heading of docs/chat.md.
func blocks(t *testing.T, heading string) (found []string) {
	t.Helper()
	content, err := os.ReadFile("../../docs/chat.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(content), "\n"+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	for _, block := range regexp.MustCompile(`(?m)(^    .*\n)+`).FindAllString(text, -1) {
		found = append(found, regexp.MustCompile(`(?m)^    `).ReplaceAllString(block, ""))
	}
	return found
}

func (p *page) filled(text string) string { return strings.NewReplacer(p.fill...).Replace(text) }

// listens starts who takes the answers, on a port of its own.
func (p *page) listens(command string) (port string) {
	p.t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	words := append(strings.Fields(command), port)
	taker := exec.CommandContext(p.t.Context(), words[0], words[1:]...) // #nosec G204 -- of our own page
	taker.Dir, taker.Stderr = "../..", os.Stderr
	out, err := taker.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := taker.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.heard = make(chan string, 1000)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.heard <- lines.Text()
		}
	}()
	p.t.Cleanup(func() { _ = taker.Process.Kill(); _ = taker.Wait() })
	return port
}

// sh types commands, each of which is acknowledged.
func (p *page) sh(commands string) {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), "sh", "-e", "-c", p.before+p.filled(commands)) // #nosec G204 -- of our own page
	out, err := command.CombinedOutput()
	if err != nil || !regexp.MustCompile(`^(200\n)+$`).Match(out) {
		p.t.Fatalf("%v\n%s\nof\n%s", err, out, p.filled(commands))
	}
	for _, f := range regexp.MustCompile(`(?ms)^\w+\(\) \{.*?\}$`).FindAllString(p.filled(commands), -1) {
		p.before += f + "\n"
	}
}

// hears waits until something has been said, and returns what stands in parentheses.
func (p *page) hears(pattern string) string {
	p.t.Helper()
	wanted, late := regexp.MustCompile(pattern), time.After(30*time.Second)
	for i := 0; ; i++ {
		for i == len(p.said) {
			select {
			case line := <-p.heard:
				p.said = append(p.said, line)
			case <-late:
				p.t.Fatalf("nobody says %s; what was said:\n%s", pattern, strings.Join(p.said, "\n"))
			}
		}
		if found := wanted.FindStringSubmatch(p.said[i]); found != nil {
			return found[1]
		}
	}
}
