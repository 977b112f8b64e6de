"""Heavy values and their agreement."""

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.methods import postings
from stillwatch.methods.fragments import keep_small
from stillwatch.methods.hashing import U, mix
from stillwatch.methods.postings import SKETCH, Crowd, Postings, Sketches, jaccard, roots, unite


def one_each(n: int) -> npt.NDArray[np.int64]:
    """Offsets of lists with one value each."""
    return np.arange(n + 1)


def test_the_crowd_never_drops_a_value_of_enough_owners() -> None:
    """
    Whatever the order, what five owners hold passes; most of what one owner holds does not.
    """
    rng = np.random.default_rng(1)
    shared, own = np.arange(200), np.arange(1000, 3000)
    values = np.concatenate([np.repeat(shared, 5), np.repeat(own, 9)])
    owners = np.concatenate([np.tile(np.arange(5), 200), np.repeat(own, 9)])
    order = rng.permutation(len(values))
    crowd = Crowd(5, 60_000)

    crowd.add(values[order], one_each(len(values)), owners[order])

    kept, offsets = crowd.kept(np.concatenate([shared, own]), np.array([0, 200, 200, 2200]))
    assert kept[:200].tolist() == shared.tolist()
    assert set(kept[200:].tolist()) < set(own.tolist())
    assert (offsets[:3].tolist(), int(offsets[3])) == ([0, 200, 200], len(kept))
    assert len(kept) - 200 < 0.1 * len(own)


def test_counts_are_exact_over_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Requests and distinct owners are those of a plain count, however often pairs are made distinct; a request may carry no value.
    """
    monkeypatch.setattr(postings, "_COMPACT_AT", 1_200)
    rng = np.random.default_rng(2)
    lengths, sent_by = rng.integers(0, 5, 2500), rng.integers(0, 40, 2500)
    values, owners = rng.integers(0, 50, lengths.sum()), np.repeat(sent_by, lengths)
    ends = np.cumsum(lengths)
    counted = Postings()

    for part in np.array_split(np.arange(2500), 7):
        begin = ends[part[0]] - lengths[part[0]]
        counted.add(values[begin : ends[part[-1]]], np.append(0, ends[part] - begin), sent_by[part])
    value, n_requests, n_owners = counted.counts()

    assert dict(zip(value.tolist(), n_requests.tolist(), strict=True)) == {v: int((values == v).sum()) for v in range(50)}
    assert dict(zip(value.tolist(), n_owners.tolist(), strict=True)) == {
        v: len(set(owners[values == v].tolist())) for v in range(50)
    }


def sketch_of(members: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint32], int]:
    """The bottom-32 sketch of a set."""
    kept, n = np.empty(SKETCH, np.uint32), 0
    for member in members:
        n = keep_small(kept, n, SKETCH, np.uint32(int(mix(U(member))) >> 32))
    return kept, n


@pytest.mark.parametrize(("first", "second"), [(20, 10), (30, 30), (5, 0), (32, 16)])
def test_jaccard_of_small_sets_is_exact(first: int, second: int) -> None:
    """
    Where both sets fit their sketches, the estimate is the truth.
    """
    a, b = np.arange(first), np.arange(second, second + 12)

    told = jaccard(*sketch_of(a), *sketch_of(b))

    union = len(set(a.tolist()) | set(b.tolist()))
    shared = len(set(a.tolist()) & set(b.tolist()))
    assert told == pytest.approx(shared / union) or union > SKETCH


def test_jaccard_of_large_sets_is_unbiased() -> None:
    """
    Over many pairs the mean estimate is the true Jaccard.
    """
    told = [jaccard(*sketch_of(np.arange(s, s + 600)), *sketch_of(np.arange(s + 200, s + 800))) for s in range(0, 200_000, 2000)]

    assert abs(np.mean(told) - 0.5) < 0.03


def test_values_that_travel_together_are_one_component() -> None:
    """
    Two values in the same requests are joined; one that is elsewhere is not, and neither is a frequent companion.
    """
    requests = np.array([int(mix(U(i))) for i in range(200)], np.uint64)
    lists = [[1, 2] if i < 100 else [3] for i in range(200)]
    for i in range(0, 100, 4):
        lists[i].append(4)
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in lists])])
    sketches = Sketches(np.array([1, 2, 3, 4]))

    sketches.add(np.array([v for values in lists for v in values]), offsets, requests)

    assert sketches.components(0.5).tolist() == [0, 0, 2, 3]


@pytest.mark.parametrize("agreement", [0.2, 0.4, 0.7])
def test_components_are_those_of_comparing_every_pair(agreement: float) -> None:
    """
    What saves comparisons loses no link: every pair that shares a small minimum and agrees is in one component.
    """
    rng = np.random.default_rng(int(100 * agreement))
    sketches = Sketches(np.arange(60))
    for i in range(2_000):
        base = int(rng.zipf(1.4)) % 12 * 5
        lists = np.unique(np.concatenate([base + np.flatnonzero(rng.random(5) < 0.93), rng.integers(0, 60, 1)]))
        sketches.add(lists, np.array([0, len(lists)]), np.array([int(mix(U(i % 900)))], np.uint64))
    minima, sizes = sketches.minima, sketches.sizes

    told = sketches.components(agreement)

    parents = np.arange(60, dtype=np.int32)
    for a in range(60):
        for b in range(a + 1, 60):
            meet = np.intersect1d(minima[a, : min(sizes[a], 8)], minima[b, : min(sizes[b], 8)]).size
            if meet and jaccard(minima[a], sizes[a], minima[b], sizes[b]) >= agreement:
                unite(parents, a, b)
    assert told.tolist() == roots(parents).tolist()
    assert 1 < len(set(told.tolist())) < 60


def test_a_list_knows_whether_it_holds_a_known_value() -> None:
    """
    Adding lists tells which of them hold one of the sketched values.
    """
    sketches = Sketches(np.array([7, 9]))

    known = sketches.add(np.array([1, 9, 7, 7]), np.array([0, 1, 2, 2, 4]), np.array([1, 2, 3, 4], np.uint64))

    assert known.tolist() == [False, True, False, True]


def test_no_value_gives_no_component() -> None:
    """
    An empty set of values is a valid input.
    """
    sketches = Sketches(np.empty(0, np.int64))

    sketches.add(np.array([1]), np.array([0, 1]), np.array([1], np.uint64))

    assert len(sketches.components(0.5)) == 0


def test_the_root_is_the_smallest_member() -> None:
    """
    Whatever the order of unions, a set is named by its smallest member.
    """
    parents = np.arange(6, dtype=np.int32)

    for a, b in ((5, 3), (3, 1), (4, 2)):
        unite(parents, a, b)

    assert roots(parents).tolist() == [0, 1, 2, 1, 2, 1]
