"""
A folder of checkpoints as a forest of families: who descends from whom, with a p-value on every edge.

Pairs are visited from the most alike sketch on, and a pair is tested only where it would join two families that no tested edge
has joined yet, so that a hundred checkpoints cost about a hundred tests. Edges are undirected by what the tests show; directions
are advice, with their reasons.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Given, Result, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.place import read_start
from stillwatch.lineage.sketch import Sketch, in_place_distance, norm_distance, sketch
from stillwatch.lineage.weights import open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

# in-place distance worth a test: 1 for strangers, give or take 0.01 over a whole model; less where the best layer was picked
_NEAR, _NEAR_OTHER_DEPTH = 0.97, 0.9
_OTHER_DEPTH = 0.05  # added where depths differ: each layer then chose its best fit, and equal depth is the likelier kinship
_ROBUST_NEIGHBOURS = 3  # most alike by norms, for models without relatives in place
_SEEN_ZEROS = 0.01  # so many more zeros are no accident of rounding
_PRECISE = 1.1  # more stored bits than this many times another's is more precise


@dataclass(frozen=True, slots=True)
class Edge:
    """
    Two checkpoints of one family.

    Args:
        parent, child: By advice only.
        exact: From the exact test; else from the calibrated one.
        log10_p: Of that test, before the correction over all pairs that the forest already applied.
        distance: One minus the cosine of sketched weights in place.
        advice: Reasons for the direction, or against it.
    """

    parent: str
    child: str
    exact: bool
    log10_p: float
    distance: float
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forest:
    """
    Families of a folder.

    Args:
        sketches: Every checkpoint that could be read, by name.
        edges: At most one way between any two.
        roots: One a family, strangers included, with the number of its descendants.
        unreadable: Name and reason.
        n_pairs, n_tested: Pairs of checkpoints, and how many a test looked at.
    """

    sketches: tuple[Sketch, ...]
    edges: tuple[Edge, ...]
    roots: tuple[tuple[str, int], ...]
    unreadable: tuple[tuple[str, str], ...]
    n_pairs: int
    n_tested: int


def checkpoints(folder: Path) -> list[Path]:
    """
    Checkpoints directly inside a folder: folders that hold safetensors, `.gguf` files (first parts only), lone safetensors files.

    Raises:
        LineageError: no such folder, or none inside.
    """
    if not folder.is_dir():
        raise LineageError(f"{folder}: no such folder")
    found = [p for p in sorted(folder.iterdir()) if _is_checkpoint(p)]
    if not found:
        raise LineageError(f"{folder}: holds no checkpoints (folders with *.safetensors, or *.gguf files)")
    return found


def _is_checkpoint(path: Path) -> bool:
    if path.is_dir():
        return any(path.glob("*.safetensors"))
    later_part = "-of-" in path.name and "-00001-of-" not in path.name
    return path.suffix == ".safetensors" or (path.suffix == ".gguf" and not later_part and read_start(path, 4) == b"GGUF")


def grow(folder: Path, given: Given) -> Forest:
    """
    The families of a folder.

    Raises:
        LineageError: no checkpoints there. One that cannot be read is named in `unreadable` instead.
    """
    sketches: list[Sketch] = []
    unreadable: list[tuple[str, str]] = []
    for path in checkpoints(folder):
        try:
            found = sketch(path, read_names(open_weights(path, path.name)))
        except LineageError as error:
            unreadable.append((path.name, str(error)))
            continue
        if found is None:
            unreadable.append((path.name, "no layer has neurons under names that Stillwatch knows"))
        else:
            sketches.append(found)
    pairs = len(sketches) * (len(sketches) - 1) // 2
    joined, tested = _joined(sketches, given, max(pairs, 1))
    edges, roots = _directed(sketches, joined)
    return Forest(tuple(sketches), tuple(edges), tuple(roots), tuple(unreadable), pairs, tested)


@dataclass(frozen=True, slots=True)
class _Joint:
    a: int
    b: int
    exact: bool
    log10_p: float
    distance: float


def _joined(sketches: list[Sketch], given: Given, pairs: int) -> tuple[list[_Joint], int]:
    """Edges that a test rejected after Bonferroni over all pairs of the folder, tested or not."""
    family = list(range(len(sketches)))
    joints: list[_Joint] = []
    tested = 0
    for a, b, distance, in_place in _worth_testing(sketches):
        if _find(family, a) == _find(family, b) or (not in_place and _related_to_any(joints, a) and _related_to_any(joints, b)):
            continue
        tested += 1
        result = _tested(sketches[a], sketches[b], given, in_place)
        if result is None or result.log10_p is None:
            continue
        strong = (
            result.log10_p + math.log10(pairs) <= math.log10(given.alpha) if in_place else result.verdict is Verdict.CALIBRATED
        )
        if strong:
            family[_find(family, a)] = _find(family, b)
            joints.append(_Joint(a, b, in_place, result.log10_p, distance))
    return joints, tested


def _worth_testing(sketches: list[Sketch]) -> Iterator[tuple[int, int, float, bool]]:
    """Pairs alike in place, nearest first; then, for the calibrated test, each model's nearest by norms."""
    apart = []
    for b in range(len(sketches)):
        for a in range(b):
            distance, other_depth = in_place_distance(sketches[a], sketches[b]), sketches[a].layers != sketches[b].layers
            if distance < (_NEAR_OTHER_DEPTH if other_depth else _NEAR):
                apart.append((distance + _OTHER_DEPTH * other_depth, a, b, distance))
    yield from ((a, b, distance, True) for _, a, b, distance in sorted(apart))
    for b in range(len(sketches)):
        others = sorted((norm_distance(sketches[a], sketches[b]), a) for a in range(len(sketches)) if a != b)
        for distance, a in others[:_ROBUST_NEIGHBOURS]:
            if np.isfinite(distance):
                yield a, b, distance, False


def _related_to_any(joints: list[_Joint], i: int) -> bool:
    return any(i in (joint.a, joint.b) for joint in joints)


def _find(family: list[int], i: int) -> int:
    while family[i] != i:
        family[i] = family[family[i]]
        i = family[i]
    return i


def _tested(a: Sketch, b: Sketch, given: Given, in_place: bool) -> Result | None:
    test = WeightsExact(units=256, block_share=2) if in_place else WeightsRobust()
    said = next(test.run(open_weights(a.path, a.name), [open_weights(b.path, b.name)], given))
    return said if isinstance(said, Result) else None


def _directed(sketches: list[Sketch], joints: list[_Joint]) -> tuple[list[Edge], list[tuple[str, int]]]:
    near: dict[int, list[_Joint]] = {i: [] for i in range(len(sketches))}
    for joint in joints:
        near[joint.a].append(joint)
        near[joint.b].append(joint)
    edges: list[Edge] = []
    roots: list[tuple[str, int]] = []
    seen: set[int] = set()
    for i in range(len(sketches)):
        if i in seen:
            continue
        members = _members(near, i)
        seen |= members
        root = _root(sketches, members)
        edges += _away_from(sketches, near, root)
        roots.append((sketches[root].name, len(members) - 1))
    return edges, sorted(roots, key=lambda told: (-told[1], told[0]))


def _members(near: dict[int, list[_Joint]], start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        for joint in near[waiting.pop()]:
            for other in {joint.a, joint.b} - found:
                found.add(other)
                waiting.append(other)
    return found


def _root(sketches: list[Sketch], members: set[int]) -> int:
    """
    Advice: the least worked-on member, then the one nearest to all others.

    Pruned weights and bits dropped by quantisation do not come back, and children of one parent differ by independent changes, so
    that the parent is nearest to all.
    """

    most_bits, fewest_zeros, deepest = (
        max(sketches[j].bits for j in members),
        min(sketches[j].zeros for j in members),
        max(sketches[j].layers for j in members),
    )

    def told(i: int) -> tuple[int, float, str]:
        mine = sketches[i]
        lost = (mine.bits * _PRECISE < most_bits) + (mine.zeros > fewest_zeros + _SEEN_ZEROS) + (mine.layers < deepest)
        distances = [min(in_place_distance(mine, sketches[j]), 1.0) for j in sorted(members) if j != i]
        return lost, round(float(sum(distances)), 6), mine.name

    return min(members, key=told)


def _away_from(sketches: list[Sketch], near: dict[int, list[_Joint]], root: int) -> Iterator[Edge]:
    waiting, seen = [root], {root}
    while waiting:
        at = waiting.pop(0)
        for joint in sorted(near[at], key=lambda j: (j.distance, j.a, j.b)):
            child = joint.b if joint.a == at else joint.a
            if child not in seen:
                seen.add(child)
                waiting.append(child)
                advice = tuple(_advice(sketches[at], sketches[child]))
                yield Edge(sketches[at].name, sketches[child].name, joint.exact, joint.log10_p, joint.distance, advice)


def _advice(parent: Sketch, child: Sketch) -> Iterator[str]:
    """Facts about the two that speak for the direction, or 'against:' it."""
    if parent.bits != child.bits:
        yield _for(parent.bits > child.bits) + f"stored in {parent.bits:g} and {child.bits:g} bits a weight"
    if abs(parent.zeros - child.zeros) > _SEEN_ZEROS:
        yield _for(parent.zeros < child.zeros) + f"{parent.zeros:.0%} and {child.zeros:.0%} of weights are zero"
    if parent.n_tokens != child.n_tokens:
        yield _for(parent.n_tokens < child.n_tokens) + f"vocabularies of {parent.n_tokens} and {child.n_tokens} tokens"
    if parent.layers != child.layers:
        yield _for(parent.layers > child.layers) + f"{parent.layers} and {child.layers} layers"
    yield f"kurtosis of weights {parent.kurtosis:.3f} and {child.kurtosis:.3f}"


def _for(speaks: bool) -> str:
    return "" if speaks else "against: "
