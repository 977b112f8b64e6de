"""Order files: what they hold, and whether a seed proves them."""

import json
from pathlib import Path

import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.training_order import ORDER_FORMAT, order_id, read_order
from stillwatch.methods.keyed_choice import place

SECRET = bytes(range(32))


def lines(texts: list[str], head: dict[str, str] | None = None, batch: int = 1) -> str:
    """Texts in this order, so many a position."""
    rows = [{"text": text, "position": i // batch} for i, text in enumerate(texts)]
    return "".join(json.dumps(row) + "\n" for row in ([head] if head else []) + rows)


def by_seed(n: int) -> list[str]:
    """Texts where the seed puts them."""
    return sorted((f"text {i}" for i in range(n)), key=lambda text: place(SECRET, text))


HEAD = {"format": ORDER_FORMAT, "seed": SECRET.hex()}


@pytest.mark.parametrize("batch", [1, 8])
def test_a_seed_proves_an_order_and_any_part_of_it(tmp_path: Path, batch: int) -> None:
    """Texts of a batch share a position; the id names seed and texts, in whatever order they are listed."""
    texts = by_seed(40)
    path = tmp_path / "o.jsonl"

    ids = set()
    for some in (texts, texts[::2]):
        path.write_text(lines(some, HEAD, batch))
        told = read_order(path)
        assert [seen.text for seen in told.seen] == some
        assert told.order_id == order_id(SECRET, sorted(some))
        ids.add(told.order_id)

    assert len(ids) == 2  # whoever leaves out texts afterwards has another id than the published one
    path.write_text(lines(texts))
    assert read_order(path).order_id is None


def test_a_text_that_stands_elsewhere_is_named_by_its_line(tmp_path: Path) -> None:
    """A seed that did not make the order proves nothing, and is not passed over in silence."""
    texts = by_seed(20)
    texts[3], texts[4] = texts[4], texts[3]
    (tmp_path / "o.jsonl").write_text(lines(texts, HEAD))

    with pytest.raises(LineageError, match=r"o\.jsonl:6: this text does not stand where the seed puts it") as caught:
        read_order(tmp_path / "o.jsonl")

    assert SECRET.hex() not in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        {"format": ORDER_FORMAT},
        {"format": ORDER_FORMAT, "seed": "ab"},
        {"format": ORDER_FORMAT, "seed": "z" * 32},
        {"format": ORDER_FORMAT, "seed": "ab" * 65},
        {"format": "another", "seed": "ab" * 16},
    ],
)
def test_a_head_that_is_none(tmp_path: Path, head: dict[str, str]) -> None:
    """Format and seed, or no head at all."""
    (tmp_path / "o.jsonl").write_text(lines(by_seed(9), head))

    with pytest.raises(LineageError, match="the head of a training order needs format"):
        read_order(tmp_path / "o.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"text": "t"}',
        '{"text": "", "position": 1}',
        '{"text": "t", "position": "late"}',
        '{"text": "t", "position": NaN}',
        '{"text": 3, "position": 1}',
        '{"text": "t", "position": 1e999}',
    ],
)
def test_bad_lines_are_named_by_number(tmp_path: Path, line: str) -> None:
    """Never by their text."""
    (tmp_path / "o.jsonl").write_text('{"text": "a", "position": 1}\n\n' + line + "\n")

    with pytest.raises(LineageError, match=r"o\.jsonl:3: a line of the training order needs"):
        read_order(tmp_path / "o.jsonl")


def test_whole_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Missing, or with a reference for some texts only; a text seen twice counts once."""
    half = tmp_path / "half.jsonl"
    half.write_text('{"text": "a", "position": 1, "reference_logprob": -1}\n{"text": "b", "position": 2}\n')
    twice = tmp_path / "twice.jsonl"
    twice.write_text('{"text": "a", "position": 1}\n{"text": "a", "position": 2}\n')

    with pytest.raises(LineageError, match="cannot be read"):
        read_order(tmp_path / "missing.jsonl")
    with pytest.raises(LineageError, match="on some lines only"):
        read_order(half)
    assert [s.position for s in read_order(twice).seen] == [1.0]
