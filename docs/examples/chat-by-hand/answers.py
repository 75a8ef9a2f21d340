#!/usr/bin/env python3
"""Takes what Slipway says to Slack, and shows it: see "Without Slack, by hand"
in docs/chat.md. The port may be given; it is 9191 if not."""

import http.server
import json
import sys


def show(part):
    """Print the words of a message, and each button with what a click sends."""
    if isinstance(part, list):
        for one in part:
            show(one)
    elif isinstance(part, dict) and part.get("type") == "button":
        print(f"  [{part['text']['text']}] {part.get('url') or part.get('value')}")
    elif isinstance(part, dict) and part.get("type") in ("plain_text", "mrkdwn"):
        print("  " + part["text"].replace("\n", "\n  "))
    elif isinstance(part, dict):
        show(list(part.values()))


class Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print("only you see" if self.path == "/answer" else self.path.rpartition("/")[2])
        show(said.get("blocks") or said)
        sys.stdout.flush()
        answer = json.dumps({"ok": True, "ts": "1.1", "channel": said.get("channel")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int((sys.argv[1:] or [9191])[0])), Answers).serve_forever()
