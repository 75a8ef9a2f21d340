package exec_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/deployers/protocol/protocoltest"
)

// TestMain doubles as the program that is asked: a decent one over the fake
// deployer, or one that misbehaves in one way.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PROGRAM_DIR"); dir != "" {
		request, _ := io.ReadAll(os.Stdin)
		os.Exit(protocoltest.Serve(context.Background(), fake.New(fake.Options{Dir: dir}), request, os.Stdout))
	}
	if way := os.Getenv("PROGRAM_WAY"); way != "" {
		os.Exit(misbehave(way, os.Args[1]))
	}
	os.Exit(m.Run())
}

const offer = `{"result":{"apiVersion":"slipway.deployer/v1","summary":"misbehaves"}}`

func misbehave(way, call string) int {
	if call == "capabilities" && way != "silent" {
		fmt.Println(offer)
		return 0
	}
	request, _ := io.ReadAll(os.Stdin)
	switch way {
	case "binary":
		_, _ = os.Stdout.Write([]byte{0, 1, 0xff, 0xfe, '\n', 0x80})
	case "half":
		fmt.Print(`{"result":{"te`)
	case "nothing":
	case "two":
		fmt.Println("{\"result\":{}}\n{\"result\":{}}")
	case "both":
		fmt.Println(`{"result":{},"log":{"text":"x"}}`)
	case "wrong type":
		fmt.Println(`{"result":{"text":7}}`)
	case "endless":
		for {
			fmt.Println(`{"log":{"text":"` + strings.Repeat("again and again ", 50) + `"}}`)
		}
	case "endless line":
		for {
			fmt.Print(strings.Repeat("x", 1<<16))
		}
	case "hangs", "silent":
		<-time.After(time.Hour)
	case "signal":
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
		<-time.After(time.Hour)
	case "dies after the result":
		fmt.Println(`{"result":{}}`)
		return 7
	case "code 1", "code 2":
		fmt.Fprintln(os.Stderr, "the till is closed")
		return int(way[5] - '0')
	case "terminal in words only":
		fmt.Println(`{"error":{"message":"no","terminal":true}}`)
		return 1
	case "family":
		// A child in the same group, which holds the output and would write a file.
		cmd := exec.Command("sh", "-c", `sleep 600 & echo $! > "$0"; wait`, os.Getenv("PROGRAM_NOTE"))
		cmd.Stdout = os.Stdout
		_ = cmd.Run()
	case "holder":
		// A child of its own, which outlives us and holds the output.
		cmd := exec.Command("setsid", "sh", "-c", `echo $$ > "$0"; exec sleep 600`, os.Getenv("PROGRAM_NOTE"))
		cmd.Stdout = os.Stdout
		_ = cmd.Start()
		fmt.Println(`{"result":{}}`)
	case "progress":
		fmt.Println(`{"log":{"text":"pulling the image"}}`)
		fmt.Fprintln(os.Stderr, "3 of 5 layers")
		for {
			if _, err := os.Stat(os.Getenv("PROGRAM_NOTE")); err == nil {
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		fmt.Print("{\"log\":{\"text\":\"done\"}}\n{\"result\":{}}")
	case "tells":
		for _, line := range bytes.Split(request, []byte(`"secrets":{"KEY":"`))[1:] {
			value, _, _ := bytes.Cut(line, []byte(`"`))
			fmt.Fprintf(os.Stderr, "the key is %s, and half a line", value)
			fmt.Printf("{\"log\":{\"text\":\"using %s now\"}}\n", value)
			fmt.Printf("{\"error\":{\"message\":\"cannot log in with %s\"}}\n", value)
		}
		return 1
	case "environment":
		fmt.Printf("{\"result\":{\"text\":%q}}\n", strings.Join(os.Environ(), "\n")+"\n"+strings.Join(os.Args[1:], " "))
	}
	return 0
}
