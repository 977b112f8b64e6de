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

from stillwatch.worlds.cast import Cast, Era, People
from stillwatch.worlds.corpora import Corpora
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.hashing import U64

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """What a writer is told of the rows it writes; one entry a row."""

    account: I64
    item: U64
    conversation: U64
    turn: I64


@dataclass(frozen=True)
class Written:
    """
    What a writer returns, one entry a row.

    Args:
        prompt, system, response: Strings; the last two may be null.
        tools: Place in TOOL_SETS, or -1.
        end_user: Seed of the end user, or 0.
    """

    prompt: pa.Array
    system: pa.Array
    response: pa.Array | None = None
    tools: npt.NDArray[np.int64] | None = None
    end_user: U64 | None = None


class Writer(Protocol):
    """Turns planned rows into text; the same row always into the same text."""

    def write(self, grammar: Grammar, people: People, rows: Rows) -> Written:
        """The text of some rows."""
        ...


class Part(Protocol):
    """A campaign shape or a benign look-alike, with its dials as fields."""

    kind: ClassVar[str]
    campaign: ClassVar[bool]

    @property
    def accounts(self) -> int:
        """Accounts of the part."""
        ...

    @property
    def exchanges(self) -> int:
        """Exchanges of the part, cover and own traffic included."""
        ...

    def plan(self, draft: "Draft", rng: np.random.Generator, part: int) -> None:
        """Enrol the accounts and plan all their exchanges."""
        ...


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
        grammar: The shipped languages.
        corpora: Real text, or None.
        seed: Of the world.
    """

    def __init__(self, era: Era, grammar: Grammar, corpora: Corpora | None, seed: int) -> None:
        self.era = era
        self.grammar = grammar
        self.corpora = corpora
        self.seed = seed
        self.cast = Cast(era)
        self.writers: list[Writer] = []
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
