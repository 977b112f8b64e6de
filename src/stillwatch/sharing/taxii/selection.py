"""The conditions of every query on objects: what was asked for, and what the member may see."""

from collections.abc import Sequence
from typing import Any

from stillwatch.sharing.taxii.filters import Filters
from stillwatch.sharing.taxii.members import Member


def where(filters: Filters) -> tuple[str, list[Any]]:
    """The part that selects, over the alias `o`, and its values."""
    clauses = ""
    values: list[Any] = []
    for column, wanted in (("o.id", filters.ids), ("o.type", filters.types)):
        if wanted:
            clauses += f" AND {column} IN ({marks(wanted)})"
            values += wanted
    versions = filters.versions or ("last",)
    if "all" not in versions:
        parts = [f"o.is_{flag} = 1" for flag in ("first", "last") if flag in versions]
        exact = [int(v) for v in versions if v not in ("first", "last")]
        if exact:
            parts.append(f"o.version_us IN ({marks(exact)})")
            values += exact
        clauses += f" AND ({' OR '.join(parts)})"
    return clauses, values


def visible(member: Member) -> tuple[str, list[Any]]:
    """
    The part of every query that enforces TLP: one's own, or within one's clearance, and for what joins others, both ends too.

    Ends that the collection does not hold hide nothing.
    """
    if member.moderator:
        return "", []
    # what came from one exchange is never handed on to another
    own, foreign_end = (" AND o.origin IS NULL", " OR e.origin IS NOT NULL") if member.role == "peer" else ("", "")
    return (
        f"{own} AND (o.tlp <= ? OR o.owner = ?) AND (o.end_a IS NULL OR NOT EXISTS (SELECT 1 FROM object e WHERE e.coll = o.coll "
        f"AND (e.id = o.end_a OR e.id = o.end_b) AND e.is_last = 1 AND ((e.tlp > ? AND e.owner <> ?){foreign_end})))",
        [member.clearance, member.id, member.clearance, member.id],
    )


def marks(values: Sequence[Any]) -> str:
    """As many placeholders as values."""
    return ", ".join("?" * len(values))
