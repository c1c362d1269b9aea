"""A web server for one test that keeps what it was sent."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What came, and what is answered.

    answers : statuses for the next requests; 200 after them.
    """

    url: str
    posts: queue.Queue[tuple[dict[str, str], bytes]] = field(default_factory=queue.Queue)
    answers: queue.Queue[int] = field(default_factory=queue.Queue)

    def post(self) -> tuple[dict[str, str], bytes]:
        """The headers, by lower-case name, and the body of the next POST."""
        return self.posts.get(timeout=60)

    def message(self) -> dict[str, Any]:
        """The next POST's document."""
        headers, body = self.post()
        document = json.loads(body)
        assert headers["x-amz-sns-message-type"] == document["Type"]
        return document


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 200 if found.answers.empty() else found.answers.get()
            found.posts.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Receiver(f"http://127.0.0.1:{server.server_port}/hook?a=b")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
