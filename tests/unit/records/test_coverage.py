"""Coverage, counted and merged."""

import pyarrow as pa

from stillwatch.records.coverage import Coverage

BATCH = pa.RecordBatch.from_pydict({"ip": ["a", None], "model": ["m", "m"]})


def test_parts_add_up_to_the_whole() -> None:
    """
    Counting batch by batch is counting all at once, whatever the order.
    """
    a = Coverage.of(BATCH, ["shoe"], {"n": 1}, 1)
    b = Coverage.of(BATCH.slice(0, 1), ["hat"], {"n": 2, "asn": 1})

    both = a.merge(b)

    assert both == b.merge(a) == Coverage().merge(a).merge(b)
    assert (both.n_rows, both.n_mended) == (3, 1)
    assert both.share("ip") == 2 / 3
    assert both.unknown == {"shoe", "hat"}
    assert both.unfit == {"n": 3, "asn": 1}


def test_nothing_covers_nothing() -> None:
    """
    Without rows every share is 0.
    """
    assert Coverage().share("ip") == 0.0
    assert Coverage.of(BATCH).share("payment_id") == 0.0


def test_endless_names_do_not_pile_up_and_their_order_does_not_matter() -> None:
    """
    Of very many unknown names the same few are kept, whichever part is merged first.
    """
    parts = [Coverage.of(BATCH, [f"{i * 7919 % 1000:04d}"]) for i in range(1_000)]
    forth, back = Coverage(), Coverage()
    for a, b in zip(parts, reversed(parts), strict=True):
        forth, back = forth.merge(a), back.merge(b)

    assert forth == back
    assert forth.unknown == {f"{i:04d}" for i in range(200)}
