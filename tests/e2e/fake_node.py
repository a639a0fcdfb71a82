"""Something that HAProxy takes for a node, and that does to requests what a test wants: no real node can be made to
die between a request and its answer as exactly."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional

from certificates import Authority


class FakeNode:
    """Healthy, and answers every request with what it was asked, unless `dies` or `refuses` says otherwise."""

    def __init__(self, name: str, port: int, authority: Authority, shows: Optional[str] = None) -> None:
        self.name = name
        self.address = f"127.0.0.1:{port}"
        self.dies = False  # breaks the connection off once it has read the request
        self.refuses = False  # answers 503
        self.seen: list[str] = []  # method and path of each request that is no health check
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = shows or name
        context.load_cert_chain(str(authority.certificate_of(certificate)), str(authority.key_of(certificate)))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments: Any) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    pass  # The other end is gone.

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path.startswith("/health/"):
                    self._answer(200, b"{}")
                    return
                node.seen.append(f"{self.command} {self.path}")
                if node.dies:
                    self.close_connection = True
                    return
                told = {"node": node.name, "body": body.decode(), "headers": list(self.headers.items())}
                self._answer(503 if node.refuses else 200, json.dumps(told).encode())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_DELETE = _serve

        return Handler
