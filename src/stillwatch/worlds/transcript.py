"""The whole request of a conversation's turn: its earlier turns and their answers, written again from the plan."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.worlds.answers import reply
from stillwatch.worlds.cast import People
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.library import Library
from stillwatch.worlds.writing import Rows, Written

I64 = npt.NDArray[np.int64]

MAX_TURNS = 8  # earlier turns that a client sends along


class Transcripts:
    """
    Writes `messages`.

    Args:
        library: Knows the items of earlier turns.
        grammar: Makes up the answers that no corpus has.
        people: All accounts.
        write: Writes the turns of some rows, told by their places in the chunk.
    """

    def __init__(self, library: Library, grammar: Grammar, people: People) -> None:
        self._library, self._grammar, self._people = library, grammar, people

    def messages(
        self, rows: Rows, newest: pa.Array, write: Callable[[I64, Rows], Written], works: npt.NDArray[np.bool_]
    ) -> pa.Array:
        """
        A list of messages a row, oldest first, the newest turn last.

        Args:
            works: Rows of work with tools: every turn but the first is a tool's, and all have one item.
        """
        back = np.minimum(rows.turn, MAX_TURNS)
        lengths = 2 * back + 1
        ends = np.cumsum(lengths)
        texts, places = [newest], [ends - 1]
        for k in range(1, int(back.max(initial=0)) + 1):
            at = np.flatnonzero(back >= k)
            some = self._earlier(rows, at, k, works)
            written = write(at, some)
            said = reply(self._grammar, self._people, some)
            texts += [written.prompt, said if written.response is None else pc.coalesce(written.response, said)]
            places += [ends[at] - 1 - 2 * k, ends[at] - 2 * k]
        number = np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths)
        first = np.repeat(rows.turn - back, lengths) + number // 2 == 0
        role = np.where(number % 2 == 1, 1, np.where(np.repeat(works, lengths) & ~first, 2, 0))
        return _lists(texts, places, lengths, role)

    def _earlier(self, rows: Rows, at: I64, k: int, works: npt.NDArray[np.bool_]) -> Rows:
        turn = rows.turn[at]
        item = self._library.earlier(rows.conversation[at], rows.item[at], turn, turn - k)
        item = np.where(works[at], rows.item[at], item)
        return Rows(rows.account[at], item, rows.conversation[at], turn - k)


def _lists(texts: list[pa.Array], places: list[I64], lengths: I64, roles: I64) -> pa.Array:
    order = np.empty(int(lengths.sum()), np.int64)
    order[np.concatenate(places)] = np.arange(len(order))
    content = pa.concat_arrays(texts).take(pa.array(order))
    role = pa.array(["user", "assistant", "tool"]).take(pa.array(roles))
    fields = [pa.field("role", pa.string(), False), pa.field("content", pa.string(), False)]
    messages = pa.StructArray.from_arrays([role, content], fields=fields)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)), messages)
