"""Work ahead of whoever consumes: what comes next is made in a thread while the last is looked at."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

DEPTH = 2  # items that wait: one is made while another is looked at
_LOOK_S = 0.1  # how often a maker with a full queue looks whether anybody still wants its items


def ahead(items: Iterable[Item], depth: int = DEPTH) -> Iterator[Item]:
    """
    The same items in the same order, made in a thread of their own; pays where making them lets go of the interpreter.

    An error of the maker is raised where its item would have come. Whoever stops early stops the maker, which is waited for.

    Args:
        items: Iterated in the other thread, and only there.
        depth: Items made but not yet taken, at most.

    >>> list(ahead(n * n for n in range(4)))
    [0, 1, 4, 9]
    """
    made: queue.Queue[tuple[Item, ...] | BaseException] = queue.Queue(depth)
    unwanted = threading.Event()

    def put(told: tuple[Item, ...] | BaseException) -> bool:
        while not unwanted.is_set():
            try:
                made.put(told, timeout=_LOOK_S)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put((item,)):
                    return
            put(())
        except BaseException as error:  # raised again in the thread that asked
            put(error)

    maker = threading.Thread(target=make, name="ahead", daemon=True)
    maker.start()
    try:
        while told := made.get():
            if isinstance(told, BaseException):
                raise told
            yield told[0]
    finally:
        unwanted.set()
        maker.join()
