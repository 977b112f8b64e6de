"""The contract of a writer: planned rows in, text out, the same row always into the same text."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.cast import People
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
