"""Where two documents differ, figure by figure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """A published figure that was not recomputed: where it stands, and both values in words."""

    where: str
    published: str
    recomputed: str


def differences(where: str, published: object, recomputed: object) -> Iterator[Difference]:
    """
    Every leaf in which two trees of plain values differ; lists of different length differ as a whole.

    >>> [d.where for d in differences("doc", {"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 3]})]
    ['doc: b[1]']
    """
    if isinstance(published, dict) and isinstance(recomputed, dict):
        for name in sorted(published.keys() | recomputed.keys()):
            yield from differences(f"{where}: {name}", published.get(name), recomputed.get(name))
    elif isinstance(published, list) and isinstance(recomputed, list) and len(published) == len(recomputed):
        for place, (a, b) in enumerate(zip(published, recomputed, strict=True)):
            yield from differences(f"{where}[{place}]", a, b)
    elif published != recomputed:
        yield Difference(where, str(published), str(recomputed))
