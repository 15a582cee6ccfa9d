"""A model server whose answers are written in a file. Speaks OpenAI chat completions as a stream.

argv: SCRIPT (a JSON list of answers, read anew for each request) and LOG (one request body per line).
An answer is {"text": "..."} or {"calls": [{"name": "...", "arguments": {...}}]}; after the last one the
model says "done". Ends when its standard input closes.
"""

import http.server
import json
import sys
import threading

script, log = sys.argv[1:3]
lock, served = threading.Lock(), 0


def next_answer(body):
    global served
    with lock:
        with open(log, "ab") as out:
            out.write(body + b"\n")
        with open(script, encoding="utf-8") as lines:
            answers = json.load(lines)
        served += 1
        return (answers[served - 1] if served <= len(answers) else {"text": "done"}), served


def chunks(answer, number):
    if "calls" in answer:
        calls = [
            {
                "index": index,
                "id": f"call_{number}_{index}",
                "type": "function",
                "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
            }
            for index, call in enumerate(answer["calls"])
        ]
        yield {"delta": {"role": "assistant", "tool_calls": calls}, "finish_reason": None}
        yield {"delta": {}, "finish_reason": "tool_calls"}
        return
    for word in answer["text"].split(" "):
        yield {"delta": {"content": word + " "}, "finish_reason": None}
    yield {"delta": {}, "finish_reason": "stop"}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        answer, number = next_answer(body)
        stream = b"".join(
            b"data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, **c}]}).encode() + b"\n\n"
            for c in chunks(answer, number)
        )
        stream += b"data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(stream)))
        self.end_headers()
        self.wfile.write(stream)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"listening http://127.0.0.1:{server.server_port}", flush=True)
sys.stdin.read()
