"""The story in Python with the models of datamodel-code-generator, which hold every answer and every webhook; its argument is the
server's URL.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import chirp
import control

url = sys.argv[1]
received: list[bytes] = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def ask(method: str, path: str, body: object = None) -> bytes:
    headers = {"Authorization": "Bearer sk_test_app_models", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url + path, data=data, headers=headers, method=method)) as answer:
        content: bytes = answer.read()
    return content


receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
hooks = f"http://127.0.0.1:{receiver.server_address[1]}/hooks"

request = chirp.WebhookRequest.model_validate(
    {"url": hooks, "events": ["calls.initiated", "calls.recording.completed"]}
)
body = request.model_dump(mode="json", exclude_unset=True)
chirp.Webhook.model_validate_json(ask("POST", "/v1/webhooks", body))
placed = chirp.Call.model_validate_json(
    ask("POST", "/v1/calls", {"from": "+15551234567", "to": "+15005550007", "metadata": {"ticket": {"id": 4711}}})
)
assert placed.metadata.model_extra == {"ticket": {"id": 4711}}
ask("POST", f"/v1/calls/{placed.id.root}/commands", {"type": "start_recording"})
for by in ("10s", "30s"):
    control.AdvanceReport.model_validate_json(ask("POST", "/_mockchirp/clock/advance", {"by": by}))
ask("DELETE", f"/v1/calls/{placed.id.root}")
control.AdvanceReport.model_validate_json(ask("POST", "/_mockchirp/clock/advance", {"by": "5s"}))
control.CallList.model_validate_json(ask("GET", "/_mockchirp/calls"))

initiated, completed = received
assert chirp.CallInitiated.model_validate_json(initiated).data.call.metadata == {"ticket": {"id": 4711}}
recording = chirp.RecordingCompleted.model_validate_json(completed).data.recording
assert recording is not None
assert recording.duration == 35
