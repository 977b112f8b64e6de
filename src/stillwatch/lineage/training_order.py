"""
The order in which the owner of a model trained on texts: a file of them, and whether a seed proves that it was shuffled.

Whether somebody shuffled cannot be seen afterwards, and who wrote the file may have known the suspect. A seed can be committed
to before: under it each text has one place, and nobody can choose the places of a thousand texts by choosing a seed.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from stillwatch.errors import LineageError
from stillwatch.methods.keyed_choice import place

ORDER_FORMAT = "stillwatch.lineage.order/1"


@dataclass(frozen=True, slots=True)
class Seen:
    """A text the owner trained on, its place in the order, and how likely an unrelated model finds it, where known."""

    text: str
    position: float
    reference_log_prob: float | None


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """
    What an order file holds.

    Args:
        seen: Its texts, each once.
        order_id: With a seed, the digest of seed and texts, 32 hex digits; publishing it before the suspect was trained proves
            that neither was chosen afterwards. None where no seed is given: then nothing proves that the order was shuffled.
    """

    seen: tuple[Seen, ...]
    order_id: str | None


def read_order(path: Path) -> TrainingOrder:
    """
    Read the owner's training order: JSON Lines of `{text, position, reference_logprob?}`, perhaps `{format, seed}` first.

    Raises:
        LineageError: unreadable, a line that lacks text or position, or one that does not stand where the seed puts it; named
            by file and line only.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise LineageError(f"{path}: the training order cannot be read ({error.strerror})") from error
    trees = [(number, _tree(line, f"{path}:{number}")) for number, line in enumerate(lines, 1) if line.strip()]
    secret = _secret(trees.pop(0)[1], path) if trees and "format" in trees[0][1] else None
    found: dict[str, tuple[int, Seen]] = {}
    for number, tree in trees:
        seen = _seen(tree, f"{path}:{number}")
        found.setdefault(seen.text, (number, seen))  # a text seen twice counts once
    references = [seen.reference_log_prob is not None for _, seen in found.values()]
    if any(references) and not all(references):
        raise LineageError(f"{path}: 'reference_logprob' stands on some lines only. Give it on all, or on none")
    if secret is not None:
        _check_places(secret, list(found.values()), path)
    seen_once = tuple(seen for _, seen in found.values())
    return TrainingOrder(seen_once, None if secret is None else order_id(secret, [seen.text for seen in seen_once]))


def order_id(secret: bytes, texts: list[str]) -> str:
    """
    Names a seed together with all texts of its order, whatever order they are listed in.

    >>> order_id(b"0" * 16, ["a", "b"]) == order_id(b"0" * 16, ["b", "a"]) != order_id(b"0" * 16, ["a"])
    True
    """
    digest = hashlib.sha256(b"stillwatch lineage order\x00" + len(secret).to_bytes(1, "little") + secret)
    for one in sorted(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts):
        digest.update(one)
    return digest.hexdigest()[:32]


def _tree(line: bytes, where: str) -> dict[str, Any]:
    try:
        tree = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise LineageError(_needs(where)) from error
    if not isinstance(tree, dict):
        raise LineageError(_needs(where))
    return tree


def _secret(tree: dict[str, Any], path: Path) -> bytes:
    words = f"{path}: the head of a training order needs format '{ORDER_FORMAT}' and a seed of 32 to 128 hex digits"
    try:
        secret = bytes.fromhex(tree["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise LineageError(words) from error
    if tree["format"] != ORDER_FORMAT or not 16 <= len(secret) <= 64:
        raise LineageError(words)
    return secret


def _seen(tree: dict[str, Any], where: str) -> Seen:
    try:
        reference = tree.get("reference_logprob")
        seen = Seen(tree["text"], float(tree["position"]), None if reference is None else float(reference))
    except (KeyError, TypeError, ValueError) as error:
        raise LineageError(_needs(where)) from error
    if not isinstance(seen.text, str) or not seen.text or not np.isfinite(seen.position):
        raise LineageError(_needs(where))
    return seen


def _needs(where: str) -> str:
    return f"{where}: a line of the training order needs 'text' and a number as 'position'"


def _check_places(secret: bytes, found: list[tuple[int, Seen]], path: Path) -> None:
    """Texts of one batch share a position; between positions the seed's order must hold."""
    ranked = sorted(found, key=lambda row: (row[1].position, place(secret, row[1].text)))
    for (_, before), (number, after) in pairwise(ranked):
        if place(secret, before.text) > place(secret, after.text):
            raise LineageError(
                f"{path}:{number}: this text does not stand where the seed puts it. Sort by methods.keyed_choice.place before "
                "training; for an order made otherwise leave the head out, and it counts as one that nothing proves"
            )
