"""
Record what the real LiteLLM proxy logs: chat, messages and responses, plain and streamed, answered, failed and refused.

Run it with the Python of an environment that has the proxy: `pip install 'litellm[proxy]==1.106.2'`. An upstream of our
own answers on loopback, because the proxy's mock answers drop system prompts. Writes `litellm.jsonl` beside itself.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CALLBACK = """
import json, os
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import UserAPIKeyAuth
from litellm.caching.caching import DualCache

KEYS = {"sk-amber": ("user-amber", "team-colours", "org-paint"), "sk-basil": ("user-basil", None, None)}

async def user_api_key_auth(request, api_key):
    user, team, org = KEYS[api_key]
    return UserAPIKeyAuth(api_key=api_key, user_id=user, team_id=team, org_id=org, key_alias=user + "-key")

class Recorder(CustomLogger):
    async def async_pre_call_hook(self, user_api_key_dict, cache: DualCache, data, call_type):
        if "please refuse" in json.dumps(data.get("messages") or data.get("input") or ""):
            raise HTTPException(status_code=429, detail={"error": "refused by policy"})
        return data

    def _keep(self, kwargs):
        payload = kwargs.get("standard_logging_object")
        if payload is not None:
            with open(os.environ["RECORD_TO"], "a") as out:
                out.write(json.dumps(payload, default=str) + "\\n")

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self._keep(kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self._keep(kwargs)

recorder = Recorder()
"""

CONFIG = """
model_list:
  - model_name: poem-large
    litellm_params: {{model: openai/poem-1, api_base: "http://127.0.0.1:{port}/v1", api_key: upstream}}
  - model_name: essay-large
    litellm_params: {{model: anthropic/claude-essay-1, api_base: "http://127.0.0.1:{port}", api_key: upstream}}
litellm_settings:
  callbacks: callback.recorder
  num_retries: 0
  drop_params: true
general_settings:
  custom_auth: callback.user_api_key_auth
  use_x_forwarded_for: true
router_settings: {{num_retries: 0}}
"""

TOOL = {
    "type": "function",
    "function": {
        "name": "get_tide",
        "description": "Tide of a port",
        "parameters": {"type": "object", "properties": {"port": {"type": "string"}}},
    },
}
CHAT: dict[str, Any] = {"model": "poem-large", "temperature": 0.7, "max_tokens": 64}
MESSAGES: dict[str, Any] = {"model": "essay-large", "max_tokens": 64, "system": "You write short essays."}
RESPONSES: dict[str, Any] = {"model": "poem-large", "instructions": "You write poems."}

# (route, body, key)
CALLS: tuple[tuple[str, dict[str, Any], str], ...] = (
    (
        "chat/completions",
        CHAT
        | {
            "messages": [{"role": "system", "content": "You write poems."}, {"role": "user", "content": "Two lines on tides"}],
            "user": "reader-7",
        },
        "sk-amber",
    ),
    (
        "chat/completions",
        CHAT
        | {
            "messages": [{"role": "system", "content": "You write poems."}, {"role": "user", "content": "Two lines on rain"}],
            "stream": True,
        },
        "sk-amber",
    ),
    (
        "chat/completions",
        CHAT
        | {
            "messages": [{"role": "user", "content": [{"type": "text", "text": "When is high tide?"}]}],
            "tools": [TOOL],
            "n": 1,
            "top_p": 0.9,
        },
        "sk-basil",
    ),
    ("chat/completions", CHAT | {"messages": [{"role": "user", "content": "please fail"}]}, "sk-basil"),
    ("chat/completions", CHAT | {"messages": [{"role": "user", "content": "please refuse"}]}, "sk-basil"),
    ("chat/completions", CHAT | {"messages": [{"role": "user", "content": "please fail"}], "stream": True}, "sk-amber"),
    ("messages", MESSAGES | {"messages": [{"role": "user", "content": "On patience"}]}, "sk-amber"),
    ("messages", MESSAGES | {"messages": [{"role": "user", "content": "On harbours"}], "stream": True}, "sk-amber"),
    ("messages", MESSAGES | {"messages": [{"role": "user", "content": "please fail"}]}, "sk-basil"),
    ("messages", MESSAGES | {"messages": [{"role": "user", "content": "please refuse"}]}, "sk-basil"),
    ("responses", RESPONSES | {"input": "A poem on salt", "reasoning": {"effort": "high"}}, "sk-amber"),
    (
        "responses",
        RESPONSES | {"input": [{"role": "user", "content": [{"type": "input_text", "text": "A poem on ink"}]}], "stream": True},
        "sk-basil",
    ),
    ("responses", RESPONSES | {"input": "please fail"}, "sk-basil"),
    ("responses", RESPONSES | {"input": "please refuse"}, "sk-basil"),
)


class Upstream(BaseHTTPRequestHandler):
    """Answers like the two vendors, plain and streamed; fails when asked to."""

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        """One request."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "please fail" in json.dumps(body):
            self._send(500, {"error": {"type": "api_error", "message": "the upstream is ill", "code": "ill"}})
        elif self.path.endswith("/messages"):
            self._answer(body, messages_answer(), messages_events())
        elif self.path.endswith("/responses"):
            self._answer(body, responses_answer(body), responses_events(body))
        else:
            self._answer(body, chat_answer(), chat_events())

    def _answer(self, body: dict[str, Any], whole: dict[str, Any], events: Iterator[tuple[str | None, object]]) -> None:
        if not body.get("stream"):
            self._send(200, whole)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data)
            self.wfile.write((f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.05)

    def _send(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


CHAT_USAGE = {
    "prompt_tokens": 21,
    "completion_tokens": 9,
    "total_tokens": 30,
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def chat_answer() -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": "The moon leans in;\nthe sea replies."}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "poem-1-2026-09",
        "usage": CHAT_USAGE,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def chat_events() -> Iterator[tuple[str | None, object]]:
    """The same as chunks."""
    head = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": "poem-1-2026-09"}
    for text in ("Rain counts ", "the roof."):
        yield None, head | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]}
    yield None, head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield None, head | {"choices": [], "usage": CHAT_USAGE}
    yield None, "[DONE]"


def messages_answer() -> dict[str, Any]:
    """A message."""
    content = [{"type": "text", "text": "Patience is a tide that waits."}]
    usage = {"input_tokens": 17, "output_tokens": 8}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-essay-1",
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def messages_events() -> Iterator[tuple[str | None, object]]:
    """The same as events."""
    start = messages_answer() | {"id": "msg_2", "content": [], "stop_reason": None}
    yield "message_start", {"type": "message_start", "message": start}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for text in ("A harbour ", "keeps the wind out."):
        yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    yield (
        "message_delta",
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 8}},
    )
    yield "message_stop", {"type": "message_stop"}


def responses_answer(body: dict[str, Any]) -> dict[str, Any]:
    """A response."""
    text = {"type": "output_text", "text": "Salt keeps what the sea forgets.", "annotations": []}
    output = [{"type": "message", "id": "msg_r1", "role": "assistant", "status": "completed", "content": [text]}]
    usage = {
        "input_tokens": 19,
        "output_tokens": 11,
        "total_tokens": 30,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "poem-1-2026-09",
        "output": output,
        "usage": usage,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "max_output_tokens": None,
        "previous_response_id": None,
        "reasoning": body.get("reasoning"),
        "text": None,
        "truncation": None,
        "user": None,
    }


def responses_events(body: dict[str, Any]) -> Iterator[tuple[str | None, object]]:
    """The same as events."""
    whole = responses_answer(body) | {"id": "resp_2"}
    yield (
        "response.created",
        {
            "type": "response.created",
            "sequence_number": 0,
            "response": whole | {"status": "in_progress", "output": [], "usage": None},
        },
    )
    for i, text in enumerate(("Ink dries ", "into weather.")):
        yield (
            "response.output_text.delta",
            {
                "type": "response.output_text.delta",
                "sequence_number": i + 1,
                "item_id": "msg_r1",
                "output_index": 0,
                "content_index": 0,
                "delta": text,
            },
        )
    yield "response.completed", {"type": "response.completed", "sequence_number": 3, "response": whole}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def call(port: int, route: str, body: dict[str, Any], key: str) -> int:
    """One request to the proxy; its status."""
    headers = {
        "Authorization": f"Bearer {key}",
        "content-type": "application/json",
        "user-agent": "tide-client/1.0",
        "x-forwarded-for": "203.0.113.7",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/{route}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def wait_for(port: int, proxy: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the proxy answers."""
    for _ in range(240):
        if proxy.poll() is not None:
            sys.exit("the proxy stopped:\n" + log.read_text()[-2000:])
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("the proxy did not answer within two minutes")


def scrubbed(payload: dict[str, Any], ports: dict[int, int]) -> dict[str, Any]:
    """Without what is of the machine: ports and stack traces; and without the price list, which is long and nobody reads."""
    payload["model_map_information"] = None
    if isinstance(payload.get("error_information"), dict):
        payload["error_information"]["traceback"] = ""
    text = json.dumps(payload)
    for port, shown in ports.items():
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{shown}")
    scrub: dict[str, Any] = json.loads(text)
    return scrub


def main() -> None:
    """Record every call in CALLS, in their order."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        record = root / "record.jsonl"
        (root / "callback.py").write_text(CALLBACK)
        (root / "config.yaml").write_text(CONFIG.format(port=upstream.server_port))
        environment = os.environ | {
            "RECORD_TO": str(record),
            "LITELLM_MASTER_KEY": "sk-" + secrets.token_hex(32),
            "LITELLM_TELEMETRY": "False",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        command = [
            sys.executable,
            "-m",
            "litellm.proxy.proxy_cli",
            "--config",
            "config.yaml",
            "--port",
            str(port),
            "--host",
            "127.0.0.1",
        ]
        with (root / "proxy.log").open("wb") as log:
            proxy = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
            try:
                wait_for(port, proxy, root / "proxy.log")
                lines = [line for asked in CALLS for line in recorded(port, record, *asked)]
            finally:
                proxy.terminate()
                proxy.wait(30)
    shown = {port: 4000, upstream.server_port: 4001}
    out = Path(__file__).with_name("litellm.jsonl")
    out.write_text("".join(json.dumps(scrubbed(json.loads(line), shown)) + "\n" for line in lines))
    print(f"{len(lines)} lines in {out.name}")


def recorded(port: int, record: Path, route: str, body: dict[str, Any], key: str) -> list[str]:
    """The lines that one call adds to the record."""
    before = len(record.read_text().splitlines()) if record.exists() else 0
    status = call(port, route, body, key)
    time.sleep(2.0)
    lines = record.read_text().splitlines()[before:] if record.exists() else []
    print(f"{route:17} stream={bool(body.get('stream'))!s:5} -> {status}, {len(lines)} lines")
    return lines


if __name__ == "__main__":
    main()
