"""A real HTTP server on loopback whose answers a test decides, and models of a few lines that speak through it."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    number: int


@dataclass
class Told:
    """What the server shall answer: a status, a body (JSON unless bytes), headers."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Served:
    """A running server: its address and all that it was asked."""

    url: str
    asked: list[Asked]


Answer = Callable[[Asked], Told]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Served]]:
    """Start servers that answer as a function says."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answer: Answer) -> Served:
        served = Served("", [])
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    asked = Asked(
                        self.command,
                        self.path,
                        {k.lower(): v for k, v in self.headers.items()},
                        json.loads(raw) if raw else None,
                        len(served.asked),
                    )
                    served.asked.append(asked)
                told = answer(asked)
                body = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
                self.send_response(told.status)
                for name, value in {"Content-Length": str(len(body)), **told.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((server, thread))
        served.url = f"http://127.0.0.1:{server.server_port}/v1"
        return served

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def _chat(text: str, prompt_tokens: int = 5, completion_tokens: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "model": more.pop("model", "served-name"),
        "choices": [{"message": {"role": "assistant", "content": text}, **more}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


@pytest.fixture
def chat() -> Callable[..., dict[str, Any]]:
    """Make the body of a chat answer."""
    return _chat


@pytest.fixture
def told() -> type[Told]:
    """The class of answers."""
    return Told
