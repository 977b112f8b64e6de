"""
The plan of a world: who is in it, and every request as a few numbers, before any text is written.

An exchange costs 39 bytes here and its text nothing, so a plan of tens of millions fits a laptop and can be sorted by time whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.cast import Cast, Era
from stillwatch.worlds.clock import Rhythms
from stillwatch.worlds.hashing import U64
from stillwatch.worlds.library import Library
from stillwatch.worlds.writing import Writer

I64 = npt.NDArray[np.int64]


class Sized(Protocol):
    """What has accounts and exchanges."""

    @property
    def accounts(self) -> int:
        """Accounts of the part."""
        ...

    @property
    def exchanges(self) -> int:
        """Exchanges of the part, cover and own traffic included."""
        ...


class Part(Sized, Protocol):
    """A campaign shape or a benign look-alike, with its dials as fields."""

    kind: ClassVar[str]
    campaign: ClassVar[bool]

    def plan(self, draft: "Draft", rng: np.random.Generator, part: int) -> None:
        """Enrol the accounts and plan all their exchanges."""
        ...


def check(part: Sized, shares: Sequence[str] = (), counts: Sequence[str] = ()) -> None:
    """
    What holds for every part: at least one account and an exchange for each, shares within 0 and 1, counts of at least 1.

    Raises:
        ValueError: a dial is out of range; the message names it.
    """
    for name in ("accounts", *counts):
        if getattr(part, name) < 1:
            raise ValueError(f"{name} must be at least 1")
    if part.exchanges < part.accounts:
        raise ValueError("exchanges must be at least accounts: everyone sends something")
    for name in shares:
        if not 0.0 <= getattr(part, name) <= 1.0:
            raise ValueError(f"{name} must lie in 0 … 1")


@dataclass
class Events:
    """Planned exchanges as columns."""

    at: I64
    account: npt.NDArray[np.int32]
    writer: npt.NDArray[np.int16]
    item: U64
    conversation: U64
    turn: npt.NDArray[np.uint8]
    harvested: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at)


_TYPES: dict[str, Any] = {
    "at": np.int64,
    "account": np.int32,
    "writer": np.int16,
    "item": np.uint64,
    "conversation": np.uint64,
    "turn": np.uint8,
    "harvested": np.bool_,
}


class Draft:
    """
    A world being planned.

    Args:
        era: Its window and its models.
        library: Where the words come from.
        rhythms: When accounts are busy.
        seed: Of the world.
    """

    def __init__(self, era: Era, library: Library, rhythms: Rhythms, seed: int) -> None:
        self.era = era
        self.library = library
        self.rhythms = rhythms
        self.seed = seed
        self.cast = Cast(era, rhythms.share)
        self.writers: list[Writer] = []
        self.frameworks: list[tuple[int, pa.Array, int]] = []  # accounts, system prompt, tools of those planned so far
        self._columns: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _TYPES}

    def hire(self, writer: Writer) -> int:
        """Make a writer known; returns its number."""
        self.writers.append(writer)
        return len(self.writers) - 1

    def send(
        self,
        writer: int,
        at: I64,
        account: I64,
        item: U64,
        conversation: U64,
        turn: I64 | None = None,
        harvested: bool = False,
    ) -> None:
        """Plan exchanges; one entry an exchange."""
        n = len(at)
        told: dict[str, Any] = {
            "at": at,
            "account": account,
            "writer": np.full(n, writer),
            "item": item,
            "conversation": conversation,
            "turn": np.zeros(n) if turn is None else np.minimum(turn, 255),
            "harvested": np.full(n, harvested),
        }
        for name, values in told.items():
            self._columns[name].append(np.asarray(values).astype(_TYPES[name]))

    def close(self) -> Events:
        """All exchanges, sorted by time; equal times in the order of planning."""
        at = _gathered(self._columns.pop("at"))
        order = np.argsort(at, kind="stable")
        sorted_at = at[order]
        del at
        rest = {name: _gathered(self._columns.pop(name))[order] for name in list(self._columns)}
        return Events(at=sorted_at, **rest)


def _gathered(blocks: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int64)
