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
from stillwatch.lineage.base import EXACT_LEVEL, Given, Result, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.place import read_start
from stillwatch.lineage.sketch import Sketch, in_place_distance, norm_distance, sketch
from stillwatch.lineage.weights import open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

# in-place distance worth a test: 1 for strangers, give or take 0.01 over a whole model; less where the best layer was picked
_NEAR, _NEAR_OTHER_DEPTH = 0.97, 0.9
_OTHER_DEPTH = 0.05  # added where depths differ: each layer then chose its best fit, and equal depth is the likelier kinship
_FAMILIES_TRIED = 6  # for each model without relatives in place: a test of a few seconds each
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
        distance: One minus the cosine of sketched weights in place; for models moved out of place, of neuron norms.
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
    """Edges that a test holds after Bonferroni over all pairs of the folder, tested or not; and how many were tested."""
    family = list(range(len(sketches)))
    level = math.log10(min(EXACT_LEVEL, given.alpha / pairs))
    joints: list[_Joint] = []
    tested = 0
    for a, b, distance in _alike_in_place(sketches):
        if _find(family, a) != _find(family, b):
            tested += 1
            _join(joints, family, a, b, distance, _exact(sketches[a], sketches[b], given, level), True)
    for b in [i for i in range(len(sketches)) if family.count(_find(family, i)) == 1 and _find(family, i) == i]:
        for a, distance in _nearest_of_families(sketches, family, b):
            if any(b in (joint.a, joint.b) for joint in joints):
                break  # one place in the forest is enough: b is somebody's child now, or somebody became b's
            tested += 1
            exact = _exact(sketches[b], sketches[a], given, level)
            _join(
                joints,
                family,
                a,
                b,
                distance,
                _calibrated(sketches[b], sketches[a], given) if exact is None else exact,
                exact is not None,
            )
    return joints, tested


def _join(joints: list[_Joint], family: list[int], a: int, b: int, distance: float, log10_p: float | None, exact: bool) -> None:
    if log10_p is not None:
        family[_find(family, a)] = _find(family, b)
        joints.append(_Joint(a, b, exact, log10_p, distance))


def _alike_in_place(sketches: list[Sketch]) -> Iterator[tuple[int, int, float]]:
    """Pairs that may be related in place, nearest first."""
    apart = []
    for b in range(len(sketches)):
        for a in range(b):
            distance, other_depth = in_place_distance(sketches[a], sketches[b]), sketches[a].layers != sketches[b].layers
            if distance < (_NEAR_OTHER_DEPTH if other_depth else _NEAR):
                apart.append((distance + _OTHER_DEPTH * other_depth, a, b, distance))
    yield from ((a, b, distance) for _, a, b, distance in sorted(apart))


def _nearest_of_families(sketches: list[Sketch], family: list[int], b: int) -> Iterator[tuple[int, float]]:
    """For a model without relatives: of each family the member with the most similar neuron norms, nearest families first."""
    nearest: dict[int, tuple[float, int]] = {}
    for a in range(len(sketches)):
        told = (norm_distance(sketches[a], sketches[b]), a)
        if a != b and np.isfinite(told[0]):
            root = _find(family, a)
            nearest[root] = min(nearest.get(root, told), told)
    for distance, a in sorted(nearest.values())[:_FAMILIES_TRIED]:
        yield a, distance


def _find(family: list[int], i: int) -> int:
    while family[i] != i:
        family[i] = family[family[i]]
        i = family[i]
    return i


def _exact(a: Sketch, b: Sketch, given: Given, level: float) -> float | None:
    """log10 p of the exact test, None where it says nothing at this level."""
    said = next(WeightsExact(units=256, block_share=2).run(open_weights(a.path, a.name), [open_weights(b.path, b.name)], given))
    return said.log10_p if isinstance(said, Result) and said.log10_p is not None and said.log10_p <= level else None


def _calibrated(a: Sketch, b: Sketch, given: Given) -> float | None:
    said = next(WeightsRobust().run(open_weights(a.path, a.name), [open_weights(b.path, b.name)], given))
    return said.log10_p if isinstance(said, Result) and said.verdict is Verdict.CALIBRATED else None


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
