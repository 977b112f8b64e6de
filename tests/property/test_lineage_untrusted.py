"""Whatever a file or an endpoint holds, the black-box tests end in an answer or in a `LineageError`, and quote nothing."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import LineageError
from stillwatch.lineage.answers import Answers
from stillwatch.lineage.bundle import check
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.speech import Question
from stillwatch.lineage.text_keyed import read_key
from stillwatch.lineage.texts import read_texts
from stillwatch.lineage.training_order import read_order
from stillwatch.lineage.transport import Reply, Transport

MARK = "zqxj-private-wording"
NUMBERS = st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.just(MARK) | st.text(max_size=4)
KEYS = st.sampled_from(
    (
        "prompt",
        "output",
        "logprobs",
        "text",
        "position",
        "content",
        "token",
        "logprob",
        "top_logprobs",
        "tokens",
        "token_logprobs",
        "choices",
        "message",
        "secret",
        "format",
        "slots",
        "green_list",
        "words",
        "share",
        "name",
        "options",
        "payload",
        "payloadType",
        "signatures",
        "sig",
        "public_key",
        "reference_logprob",
        "id",
    )
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=14)


def _tried(read: Callable[[], Any]) -> None:
    """It reads, or says in a sentence of ours why not."""
    said = ""
    try:
        read()
    except LineageError as error:
        said = str(error)
    assert MARK not in said


@pytest.mark.parametrize("read", [read_texts, read_order, read_key, check])
@given(trees=st.lists(TREES, max_size=3), noise=st.binary(max_size=6))
@settings(max_examples=150, deadline=None)
def test_files_of_any_content(read: Callable[[Path], Any], trees: list[Any], noise: bytes) -> None:
    """JSON of any shape, with a little noise behind it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.jsonl"
        path.write_bytes(b"\n".join(orjson.dumps(tree) for tree in trees) + noise)

        _tried(lambda: read(path))


@given(noise=st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_files_of_noise(noise: bytes) -> None:
    """Bytes of no format at all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.jsonl"
        path.write_bytes(noise)

        for read in (read_texts, read_order, read_key, check, Answers):
            path.write_bytes(noise)
            _tried(partial(read, path))


@dataclass(frozen=True, slots=True)
class _Saying(Transport):
    """A transport that says one thing to everything."""

    body: bytes = b""

    def send(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """The one thing."""
        return Reply(200, {}, self.body)


@given(tree=TREES)
@settings(max_examples=300, deadline=None)
def test_answers_of_any_shape(tree: Any) -> None:
    """An endpoint may answer with any JSON."""
    endpoint = Endpoint(_Saying("http://127.0.0.1:9/v1", body=orjson.dumps(tree)), "m", parallel=1)

    _tried(lambda: endpoint.say(Question(("p",))))
    _tried(lambda: endpoint.count_tokens(["p"]))
    _tried(lambda: endpoint.echo(["p"]))
