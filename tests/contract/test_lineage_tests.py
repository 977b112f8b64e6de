"""The promises that every lineage test keeps, whoever wrote it."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product

import numpy as np
import pytest
from tests.checkpoints import LLAMA, random_state, write_folder

from stillwatch.lineage import TESTS
from stillwatch.lineage.base import Given, LineageTest, Operand, Result, Skipped, Verdict, why_not
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.panel import PanelScore, make_panel
from stillwatch.lineage.proof import recompute
from stillwatch.lineage.run import compare
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.transport import ApiKey, Transport
from stillwatch.lineage.weights import open_weights
from stillwatch.records.fields import SIGNIFICANT_DIGITS

SECRET = "sk-very-secret-0123456789"
WORDING = "customer-wording"
KINDS = ("weights", "endpoint", "texts")


class _Handler(BaseHTTPRequestHandler):
    """A model that says a customer's wording to everything, and quotes the key it was sent."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        size = len(raw)
        score = {"content": [{"token": "t", "logprob": -(size % 7) / 7 - 0.1, "top_logprobs": []}]}
        told = {
            "model": f"m {self.headers['Authorization']}",
            "choices": [{"message": {"content": f"{WORDING} {size % 5} and more"}, "logprobs": score}],
            "usage": {"prompt_tokens": 10 + size, "completion_tokens": 1, "total_tokens": 11 + size},
        }
        self._tell(json.dumps(told).encode(), 200)

    def do_GET(self) -> None:
        self._tell(f"no {self.headers['Authorization']}".encode(), 404)

    def _tell(self, body: bytes, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Address of that model."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def texts(name: str, seed: int) -> Texts:
    """A recording with log-probabilities, two outputs a prompt."""
    rng = np.random.default_rng(seed)
    lines = [
        Spoken(
            f"{WORDING} {i // 2}", f"{WORDING} {rng.integers(9)} word{rng.integers(9)}", (TokenScore("t", -float(rng.random())),)
        )
        for i in range(48)
    ]
    return Texts(name, tuple(lines), "ab" * 32)


@pytest.fixture(scope="module")
def operands(url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Operand, Operand, Operand]]:
    """Of each kind a suspect and two bases."""
    folder = tmp_path_factory.mktemp("models")
    weights = tuple(open_weights(write_folder(folder / str(s), random_state(LLAMA, s), LLAMA), f"weights{s}") for s in (1, 2, 3))
    endpoints = tuple(Endpoint(Transport(url, ApiKey(SECRET)), f"model{i}") for i in (1, 2, 3))
    recorded = tuple(texts(f"texts{i}", i) for i in (1, 2, 3))
    return {"weights": weights, "endpoint": endpoints, "texts": recorded}  # type: ignore[dict-item]  # three each


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """Everything an owner can hand over."""
    folder = tmp_path_factory.mktemp("given")
    key = {"format": "stillwatch.lineage.key/1", "secret": "ab" * 16, "green_list": {"words": 2, "share": 0.5}}
    (folder / "key.json").write_text(json.dumps(key))
    places = np.random.default_rng(7).permutation(48)
    rows = [{"text": line.prompt + line.output, "position": int(places[i])} for i, line in enumerate(texts("t", 1).lines)]
    (folder / "order.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    panel = make_panel(tuple(PanelScore(test.name, "toy", "seeds", i / 100) for test in TESTS for i in range(20)))
    strangers = tuple(texts(f"stranger{i}", 50 + i) for i in range(3))
    return Given(
        permutations=99,
        panel=panel,
        key_file=folder / "key.json",
        order_file=folder / "order.jsonl",
        strangers=strangers,
        prompts=4,
        samples=2,
    )


def alone(test: LineageTest, suspect: Operand, base: Operand, given: Given) -> Result | Skipped | None:
    """What a test says of one pair; None where the operands do not permit it."""
    if why_not(test, suspect, base, given) is not None:
        return None
    (said,) = test.run(suspect, [base], given)
    return said


@pytest.fixture(params=TESTS, ids=lambda test: test.name)
def test(request: pytest.FixtureRequest) -> LineageTest:
    """Every test that is switched on."""
    found: LineageTest = request.param
    return found


def test_names_are_kept_apart() -> None:
    """No two tests share a name: stored results would be confused."""
    assert len({test.name for test in TESTS}) == len(TESTS)


@pytest.mark.parametrize(("of", "against"), list(product(KINDS, KINDS)))
def test_each_base_is_answered_once_in_order_and_honestly(
    test: LineageTest, of: str, against: str, operands: dict[str, tuple[Operand, Operand, Operand]], given: Given
) -> None:
    """One answer a base; its p-value follows from its proof, its words quote neither a customer nor the key."""
    suspect, bases = operands[of][0], operands[against][1:]
    fit = [base for base in bases if why_not(test, suspect, base, given) is None]
    if not fit:
        assert all(why_not(test, suspect, base, given) for base in bases)
        return

    said = list(test.run(suspect, fit, given))

    assert [s.base for s in said] == [base.name for base in fit]
    for one in said:
        assert one.test == test.name
        assert WORDING not in str(one)
        assert SECRET not in str(one)
        if isinstance(one, Result) and one.log10_p is not None:
            assert one.proof is not None
            assert recompute(one.proof) == pytest.approx(one.log10_p, rel=10.0 ** (1 - SIGNIFICANT_DIGITS))
            assert one.exact or one.verdict is not Verdict.REJECT


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_answer(
    test: LineageTest, kind: str, operands: dict[str, tuple[Operand, Operand, Operand]], given: Given
) -> None:
    """A run can be repeated by anybody."""
    suspect, base, _ = operands[kind]

    assert alone(test, suspect, base, given) == alone(test, suspect, base, given)


def test_an_answer_does_not_depend_on_other_candidates(
    test: LineageTest, operands: dict[str, tuple[Operand, Operand, Operand]], given: Given
) -> None:
    """A second base changes neither statistic nor p-value of the first, where the test takes several."""
    for kind in KINDS:
        suspect, *bases = operands[kind]
        if why_not(test, suspect, bases[0], given) is not None:
            continue
        first, *_ = test.run(suspect, bases, given)
        single = alone(test, suspect, bases[0], given)
        if isinstance(first, Result) and isinstance(single, Result):
            assert (first.statistic, first.log10_p) == (single.statistic, single.log10_p)


def test_a_run_names_every_test_and_base(operands: dict[str, tuple[Operand, Operand, Operand]], given: Given) -> None:
    """Each pair of test and base is answered or skipped with a reason, and every p-value is corrected."""
    suspect, bases = operands["texts"][0], [operands[kind][1] for kind in KINDS]

    found = compare(suspect, bases, TESTS, replace(given, panel=None))

    answered = {(r.test, r.base) for r in found.results} | {(s.test, s.base) for s in found.skipped}
    for test in TESTS:
        assert (test.name, None) in answered or all((test.name, base.name) in answered for base in bases)
    assert all(s.reason for s in found.skipped)
    assert all((r.log10_p is None) == (r.holm_log10_p is None) for r in found.results)
