"""
What a client asks for: TAXII 2.1 section 3.4 (filtering) and 3.5 (pagination), parsed once and strictly.

Unknown parameters are ignored, as the standard lets a server; a known one that cannot be understood is an error, because a
filter that silently does nothing hands out more than was asked for.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from stillwatch.sharing.taxii import times

MAX_VALUES = 100
_SPEC_VERSION = re.compile(r"\d{1,2}\.\d{1,2}")


class QueryError(ValueError):
    """A parameter cannot be understood; the message names it."""


@dataclass(frozen=True, slots=True)
class Filters:
    """
    The filters of one request; empty tuples ask for everything.

    `versions` holds `first`, `last`, `all`, and microseconds as decimal digits; empty means `last` (section 3.4.1).
    """

    added_after_us: int | None = None
    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    spec_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """Filters, page size and cursor of one request."""

    filters: Filters
    limit: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class PageSize:
    """How many records a page holds where the client does not say, and at most."""

    default: int = 1_000
    largest: int = 10_000


# which match fields each endpoint knows (sections 5.3, 5.4, 5.6, 5.7, 5.8)
MATCH_ALL = frozenset({"id", "type", "version", "spec_version"})
MATCH_ONE = frozenset({"version", "spec_version"})
MATCH_VERSIONS = frozenset({"spec_version"})


def parse(pairs: Iterable[tuple[str, str]], fields: frozenset[str], size: PageSize) -> Query:
    """
    The query of a request.

    Args:
        pairs: Decoded parameters in their order.
        fields: The match fields that the endpoint knows.
        size: Bounds of a page.

    Raises:
        QueryError: a known parameter stands twice, or cannot be understood, or more than 100 values are asked for.
    """
    known = {"added_after", "limit", "next"} | {f"match[{field}]" for field in fields}
    given: dict[str, str] = {}
    for name, text in pairs:
        if name in known and text != "":
            if name in given:
                raise QueryError(f"{name} stands twice: separate several values by commas")
            given[name] = text
    filters = Filters(
        added_after_us=_moment(given["added_after"], "added_after") if "added_after" in given else None,
        ids=_values(given.get("match[id]")),
        types=_values(given.get("match[type]")),
        versions=tuple(_version(v) for v in _values(given.get("match[version]"))),
        spec_versions=tuple(_spec(v) for v in _values(given.get("match[spec_version]"))),
    )
    if len(filters.ids) + len(filters.types) + len(filters.versions) + len(filters.spec_versions) > MAX_VALUES:
        raise QueryError(f"more than {MAX_VALUES} values to match. Ask in several requests")
    return Query(filters, _limit(given.get("limit"), size), given.get("next"))


def agree(asked: Filters, bound: Filters) -> bool:
    """
    May a request with filters `asked` go on with a cursor that was made under `bound`? Filters left out agree.

    >>> agree(Filters(), Filters(types=("indicator",)))
    True
    >>> agree(Filters(types=("campaign",)), Filters(types=("indicator",)))
    False
    """
    merged = replace(
        bound,
        added_after_us=bound.added_after_us if asked.added_after_us is None else asked.added_after_us,
        ids=asked.ids or bound.ids,
        types=asked.types or bound.types,
        versions=asked.versions or bound.versions,
        spec_versions=asked.spec_versions or bound.spec_versions,
    )
    return merged == bound


def _values(text: str | None) -> tuple[str, ...]:
    return tuple(sorted({part.strip() for part in text.split(",") if part.strip()})) if text else ()


def _moment(text: str, name: str) -> int:
    try:
        return times.parse(text)
    except ValueError as error:
        raise QueryError(f"{name} is not a time of the form 2026-11-24T03:00:00.000000Z") from error


def _version(text: str) -> str:
    return text if text in ("first", "last", "all") else str(_moment(text, "match[version]"))


def _spec(text: str) -> str:
    if _SPEC_VERSION.fullmatch(text) is None:
        raise QueryError("match[spec_version] is not a version like 2.1")
    return text


def _limit(text: str | None, size: PageSize) -> int:
    if text is None:
        return size.default
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) < 1:
        raise QueryError("limit is not a whole number of 1 or more")
    return min(int(text), size.largest)
