"""How much of each column a log has: counted batch by batch, merged over splits and processes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import pyarrow as pa

_MOST_UNKNOWN = 200  # a log whose lines invent their names must not fill the memory


@dataclass(frozen=True, slots=True)
class Coverage:
    """
    Args:
        n_rows: Rows counted.
        present: Column -> rows in which it is not null.
        unknown: Columns of the log that Stillwatch does not read; of very many the first in the alphabet.
        unfit: Column -> cells whose value did not fit its type and became null.
        n_mended: Rows whose invalid text was mended.
    """

    n_rows: int = 0
    present: Mapping[str, int] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    unfit: Mapping[str, int] = field(default_factory=dict)
    n_mended: int = 0

    @classmethod
    def of(
        cls, batch: pa.RecordBatch, unknown: Iterable[str] = (), unfit: Mapping[str, int] | None = None, n_mended: int = 0
    ) -> Self:
        """Count one batch."""
        present = {
            name: batch.num_rows - column.null_count for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        return cls(batch.num_rows, present, frozenset(unknown), dict(unfit or {}), n_mended)

    def merge(self, other: Self) -> Self:
        """
        Both together.

        >>> Coverage(2, {"ip": 1}).merge(Coverage(2, {"ip": 2})).share("ip")
        0.75
        """
        return type(self)(
            self.n_rows + other.n_rows,
            _sum(self.present, other.present),
            frozenset(sorted(self.unknown | other.unknown)[:_MOST_UNKNOWN]),
            _sum(self.unfit, other.unfit),
            self.n_mended + other.n_mended,
        )

    def share(self, column: str) -> float:
        """Share of rows in which a column is not null, 0…1."""
        return self.present.get(column, 0) / self.n_rows if self.n_rows else 0.0

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "n_rows": self.n_rows,
            "present": dict(self.present),
            "unknown": sorted(self.unknown),
            "unfit": dict(self.unfit),
            "n_mended": self.n_mended,
        }

    @classmethod
    def from_plain(cls, tree: Mapping[str, Any]) -> Self:
        """
        What `to_plain` gave.

        >>> Coverage.from_plain(Coverage(3, {"ip": 2}).to_plain()) == Coverage(3, {"ip": 2})
        True
        """
        return cls(tree["n_rows"], dict(tree["present"]), frozenset(tree["unknown"]), dict(tree["unfit"]), tree["n_mended"])


def _sum(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in sorted(a.keys() | b.keys())}
