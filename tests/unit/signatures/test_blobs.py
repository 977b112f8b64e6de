"""Digests of long opaque strings."""

import base64
import random
import re

import pyarrow as pa
import pytest

from stillwatch.privacy import Key
from stillwatch.records.tables import MESSAGE
from stillwatch.signatures.blobs import MAX_BLOBS, MIN_RUN, blobs

KEY = Key(b"k" * 32)


def a_blob(seed: int, size: int = 90) -> str:
    """Encoded bytes, as a provider hands them out."""
    return base64.b64encode(random.Random(seed).randbytes(size)).decode()


def told(prompt: str | None, *messages: str, key: Key = KEY) -> list[int] | None:
    """The digests of one exchange."""
    history = [{"role": "user", "content": m} for m in messages]
    found = blobs(pa.array([prompt], pa.string()), pa.array([history or None], pa.list_(MESSAGE)), key)
    out: list[int] | None = found.to_pylist()[0]
    return out


def test_a_blob_is_the_same_wherever_it_stands() -> None:
    """In the newest turn or the history, at the beginning, the end or among text of any script."""
    blob = a_blob(1)

    places = (blob, f"see {blob}", f"{blob}\nwrite it out", f"«é» {blob}: 你好", f'{{"data":"{blob}"}}')

    assert len({tuple(told(p) or ()) for p in places}) == 1
    assert told("plain words", "more of them", f"x {blob}") == told(blob)


def test_any_change_makes_another_blob() -> None:
    """One character, at any place, in upper or lower case, or one less."""
    blob = a_blob(2, 300)
    changed = [blob[:i] + ("A" if blob[i] != "A" else "B") + blob[i + 1 :] for i in range(0, len(blob), 37)]

    digests = {tuple(told(b) or ()) for b in (blob, blob.swapcase(), blob[:-1], *changed)}

    assert len(digests) == len(changed) + 3


@pytest.mark.parametrize("before", range(0, 2 * MIN_RUN, 13))
def test_the_shortest_blob_is_found_at_every_place(before: int) -> None:
    """Only every so many bytes are looked at, and none is missed."""
    blob = a_blob(3)[:MIN_RUN]

    assert told(" " * before + blob) == told(blob)
    assert told(" " * before + blob[:-1]) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "words and words " * 100,
        "-" * 500,
        "x" * 500,
        "3" * 500,
        "a-long-slug-of-an-article-about-nothing-in-particular-" * 4,
        "src/main/java/org/example/project/internal/" * 5,
        f"sha512-{a_blob(4, 64)}",
        "0123456789abcdef" * 8,
    ],
    ids=lambda t: re.sub(r"\W+", " ", str(t))[:20],
)
def test_what_is_no_blob_is_none(text: str | None) -> None:
    """Words, rulers, paths, numbers, hexadecimal digests and the integrity lines of lock files."""
    assert told(text, text or "") is None


def test_many_blobs_leave_the_smallest_digests() -> None:
    """A row is bounded, sorted, and the same however they are ordered and shared out over the turns."""
    many = [a_blob(seed) for seed in range(30)]
    one_by_one = sorted((told(b) or [0])[0] for b in many)

    assert told(" ".join(many)) == one_by_one[:MAX_BLOBS]
    assert told(None, *reversed(many)) == one_by_one[:MAX_BLOBS]


def test_it_depends_on_the_exchange_alone() -> None:
    """A slice of a batch has the digests that it has in the whole, with turns null, empty and long."""
    prompts = pa.array([a_blob(1), None, "words", a_blob(2), None], pa.string())
    turns: list[list[str] | None] = [None, [a_blob(3)], [], ["x", a_blob(4)], None]
    history = [None if t is None else [{"role": "user", "content": c} for c in t] for t in turns]
    messages = pa.array(history, pa.list_(MESSAGE))

    whole = blobs(prompts, messages, KEY).to_pylist()
    alone = [blobs(prompts.slice(i, 1), messages.slice(i, 1), KEY).to_pylist()[0] for i in range(len(prompts))]

    assert whole == alone
    assert [len(b or ()) for b in whole] == [1, 1, 0, 2, 0]


def test_another_key_gives_other_digests() -> None:
    """Tables under two keys cannot be joined."""
    assert told(a_blob(1)) != told(a_blob(1), key=Key(b"j" * 32))
