"""A small HTTP client with timeouts: one connection a request, so that no test meets another's leftovers."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Union
from urllib.parse import quote, urlencode

# Longer than the server's own request timeout of 10 s, so that its answer is seen and not ours.
TIMEOUT_SECONDS = 15.0

Parameter = Union[str, int]


class Unreachable(Exception):
    """No answer: the node is down, hangs, or closed the connection."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    seconds: float = 0.0
    cookies: tuple[str, ...] = ()  # each Set-Cookie as it was sent

    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self) -> dict[str, Any]:
        """The body of an error, after a check that it is one."""
        kind = self.headers.get("content-type", "")
        if kind != "application/problem+json":
            raise AssertionError(f"{self.status} is {kind or 'without a type'}, not a problem: {self.body[:200]!r}")
        fields: dict[str, Any] = self.json()
        missing = {"type", "title", "status", "code", "detail"} - fields.keys()
        if missing or fields["status"] != self.status:
            raise AssertionError(f"problem of {self.status} lacks {sorted(missing)}: {fields}")
        return fields

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{self.status} {self.text()[:300]}"


def state_path(namespace: str, key: Optional[str] = None, /, **parameters: Parameter) -> str:
    path = f"/api/v1/state/{quote(namespace, safe='')}"
    if key is not None:
        path += "/" + quote(key, safe="")
    return path + ("?" + urlencode(parameters) if parameters else "")


def value_of(item: Mapping[str, Any]) -> bytes:
    """The value of a list's or batch's item, whichever way it is written."""
    if "value" in item:
        return str(item["value"]).encode()
    return base64.b64decode(item["value_base64"], validate=True)


class _LocalConnection(http.client.HTTPConnection):
    """Sends head and body at once; Nagle's algorithm would delay the second of two small packets."""

    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _LocalTlsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Client:
    """Asks one node, over HTTPS if it is given a context."""

    def __init__(self, port: int, context: Optional[ssl.SSLContext] = None) -> None:
        self.port = port
        self.token: Optional[str] = None  # sent along unless a test gives an Authorization of its own
        self.context = context

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self.context is None:
            return _LocalConnection("127.0.0.1", self.port, timeout=timeout)
        return _LocalTlsConnection("127.0.0.1", self.port, timeout=timeout, context=self.context)

    def ask(self, method: str, path: str, body: Optional[bytes] = None, headers: Optional[Mapping[str, str]] = None,
            timeout: float = TIMEOUT_SECONDS) -> Answer:
        began = time.monotonic()
        connection = self._connect(timeout)
        try:
            connection.request(method, path, body, self.with_token(headers))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{method} {path} on port {self.port}: {type(error).__name__} {error}") from None
        finally:
            connection.close()
        names = {name.lower(): value for name, value in response.getheaders()}
        cookies = tuple(response.headers.get_all("Set-Cookie") or ())
        return Answer(response.status, names, content, time.monotonic() - began, cookies)

    def with_token(self, headers: Optional[Mapping[str, str]] = None) -> dict[str, str]:
        given = dict(headers or {})
        if self.token is not None and not any(name.lower() == "authorization" for name in given):
            given["Authorization"] = f"Bearer {self.token}"
        return given

    def post(self, path: str, body: Any = None, headers: Optional[Mapping[str, str]] = None) -> Answer:
        """A JSON body, or none."""
        if body is None:
            return self.ask("POST", path, None, headers)
        return self.ask("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def get(self, namespace: str, key: str, timeout: float = TIMEOUT_SECONDS, **parameters: Parameter) -> Answer:
        return self.ask("GET", state_path(namespace, key, **parameters), timeout=timeout)

    def put(self, namespace: str, key: str, value: bytes, headers: Optional[Mapping[str, str]] = None,
            timeout: float = TIMEOUT_SECONDS, **parameters: Parameter) -> Answer:
        return self.ask("PUT", state_path(namespace, key, **parameters), value, headers, timeout)

    def delete(self, namespace: str, key: str, headers: Optional[Mapping[str, str]] = None) -> Answer:
        return self.ask("DELETE", state_path(namespace, key), None, headers)

    def list(self, namespace: str, **parameters: Parameter) -> Answer:
        return self.ask("GET", state_path(namespace, None, **parameters))

    def list_all(self, namespace: str, **parameters: Parameter) -> dict[str, dict[str, Any]]:
        """All items of a namespace by key, page after page."""
        items: dict[str, dict[str, Any]] = {}
        cursor: dict[str, Parameter] = {}
        while True:
            answer = self.list(namespace, limit=1000, **parameters, **cursor)
            if answer.status != 200:
                raise AssertionError(f"list of {namespace}: {answer}")
            page = answer.json()
            for item in page["items"]:
                if item["key"] in items:
                    raise AssertionError(f"{item['key']} is on two pages")
                items[item["key"]] = item
            if not page["cursor"]:
                return items
            cursor = {"cursor": page["cursor"]}

    def batch(self, namespace: str, request: Any, headers: Optional[Mapping[str, str]] = None) -> Answer:
        every = {"Content-Type": "application/json", **(headers or {})}
        return self.ask("POST", state_path(namespace, "batch"), json.dumps(request).encode(), every)
