"""Working ahead changes when things are made, and nothing else."""

import threading
import time
from collections.abc import Iterator

import pytest

from stillwatch.engine.ahead import ahead


def test_items_come_in_order_and_are_made_in_another_thread() -> None:
    """Order is the maker's; the thread is not the consumer's."""
    made = list(ahead((n, threading.current_thread()) for n in range(100)))
    assert [n for n, _ in made] == list(range(100))
    assert {thread for _, thread in made} != {threading.current_thread()}


def test_an_error_comes_where_its_item_would_have_come() -> None:
    """What was made before it is not lost."""

    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)


def test_whoever_stops_early_stops_the_maker() -> None:
    """No thread is left behind, and the maker's own cleaning up is done."""
    ended = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            ended.set()

    items = ahead(endless())
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name == "ahead"]


def test_not_more_than_asked_for_is_made_ahead() -> None:
    """Memory is bounded by the depth."""
    made = []

    def counted() -> Iterator[int]:
        for n in range(50):
            made.append(n)
            yield n

    items = ahead(counted(), depth=2)
    next(items)
    time.sleep(0.3)
    assert len(made) <= 4
    items.close()  # type: ignore[attr-defined]
