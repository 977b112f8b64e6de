"""Heavy fragments: those that enough distinct accounts send, counted exactly in two passes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.engine.ahead import ahead
from stillwatch.methods.postings import Crowd, Postings
from stillwatch.templates.stream import Held


@dataclass(frozen=True, slots=True)
class Heavy:
    """Values that enough accounts hold, sorted by value."""

    value: npt.NDArray[np.int64]
    n_requests: npt.NDArray[np.int64]
    n_accounts: npt.NDArray[np.int64]


def heavy(held: Callable[[], Iterable[Held]], expected: int, min_requests: int, min_accounts: int) -> Heavy:
    """
    Values in at least `min_requests` exchanges of at least `min_accounts` accounts.

    Args:
        held: Streams all exchanges; called twice.
        expected: About how many values will come; sizes the sieve.
        min_requests: Exchanges needed.
        min_accounts: Distinct accounts needed.
    """
    crowd = Crowd(min_accounts, expected)
    for part in held():
        crowd.add(part.values, part.offsets, part.account)
    postings = Postings()
    for part in ahead(_kept(crowd, held())):
        postings.add(part.values, part.offsets, part.account)
    value, n_requests, n_accounts = postings.counts()
    enough = np.flatnonzero((n_requests >= min_requests) & (n_accounts >= min_accounts))
    order = enough[np.argsort(value[enough])]
    return Heavy(value[order], n_requests[order], n_accounts[order])


def _kept(crowd: Crowd, held: Iterable[Held]) -> Iterator[Held]:
    """Exchanges with the values that the sieve lets through."""
    for part in held:
        yield Held(*crowd.kept(part.values, part.offsets), part.account)
