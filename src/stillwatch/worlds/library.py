"""
Where the words of a world come from: the shipped grammars, or real text.

Parts ask a library and never know which one it is; so a campaign's cover and an ordinary account's chat are the same text,
and what differs between planted and benign traffic is only what the dials say.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.hashing import U64
from stillwatch.worlds.writing import Writer

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Script:
    """
    What accounts say, one entry an exchange, account by account.

    Args:
        opens: The exchange begins a conversation.
        item: What the writer is to write, or None = made from conversation and turn.
    """

    opens: Bools
    item: U64 | None


@dataclass(frozen=True)
class Pool:
    """
    Prompts that can be dealt out: a writer, and one item a prompt, all different.

    Args:
        texts: The prompts themselves, where they are there already, without what a shape puts around them.
    """

    writer: Writer
    item: U64
    texts: pa.Array | None = None

    def through(self, writer: Writer) -> "Pool":
        """The same prompts, written by another writer."""
        return replace(self, writer=writer)


class Library(Protocol):
    """All that a part may ask for."""

    @property
    def own(self) -> Writer:
        """Writes what accounts say about their own business."""
        ...

    @property
    def end_users(self) -> Writer:
        """Writes for the end users behind one key; the low 24 bits of an item name the end user."""
        ...

    def script(self, rng: np.random.Generator, counts: I64, burst_mean: npt.NDArray[np.float64], one_customer: Bools) -> Script:
        """Conversations about the accounts' own business, `counts[i]` exchanges of account i."""
        ...

    def earlier(self, conversation: U64, item: U64, turn: I64, wanted: I64) -> U64:
        """Items of turn `wanted` of the same conversations, where `item` is of turn `turn` and came from `script`."""
        ...

    def instructions(self, rng: np.random.Generator, n: int, use: str, mean: float, language: int | None = None) -> pa.Array:
        """
        `n` texts that tell a model what to do.

        Args:
            use: "agent", "app" or "pipeline".
            mean: Sentences, on average, where they are made up.
            language: Place in LANGUAGES; None = one drawn like anyone's.
        """
        ...

    def plain(self, rng: np.random.Generator, n: int, language: int | None = None) -> Pool:
        """
        `n` instructions without a template, never dealt before in this world.

        Raises:
            SettingsError: there are not as many.
        """
        ...

    def assembled(self, rng: np.random.Generator, n: int, want: str) -> Pool | None:
        """`n` prompts that carry a template already: "templated", "reasoning" or "rubric"; None where there are not as many."""
        ...

    def tasks(self, rng: np.random.Generator, n: int, use: str) -> pa.Array:
        """`n` texts that several people send: "assignment" or "viral"."""
        ...

    def benchmark(self, rng: np.random.Generator, n: int) -> Pool:
        """At most `n` items of one public benchmark; two calls may give the same one."""
        ...

    def documents(self, rng: np.random.Generator, n: int, in_system: bool) -> Pool:
        """`n` requests of one batch job: one template, documents all different."""
        ...

    def related(self, pool: Pool) -> npt.NDArray[np.int64]:
        """An order of a pool's prompts in which neighbours are about the same thing."""
        ...
