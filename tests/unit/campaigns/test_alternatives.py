"""Benign explanations, weighed by name."""

import numpy as np
import pyarrow as pa

from stillwatch.campaigns import alternatives, reference
from stillwatch.campaigns.reference import Reference


def a_reference(laws: dict[str, dict[str, float]], n: int = 40) -> Reference:
    """Kinds whose detectors speak about so many bits each."""
    random = np.random.default_rng(1)
    rows = [
        {
            "group": place,
            "kind": kind,
            "stratum": "template 10-49",
            "detector": d,
            "family": d,
            "weight_bits": bits + random.normal(),
        }
        for place, (kind, i) in enumerate((k, i) for k in laws for i in range(n))
        for d, bits in laws[kind].items()
    ]
    return Reference("shipped", pa.Table.from_pylist(rows, schema=reference.SCHEMA))


KNOWN = a_reference(
    {
        "campaign": {"pool": 6.0, "fill": 0.0, "timing": 5.0},
        "eval_harness": {"pool": 6.0, "fill": -8.0, "timing": 4.0},
        "app": {"pool": -6.0, "fill": 0.0, "timing": -1.0},
    }
)


def test_a_harness_is_best_explained_as_one() -> None:
    """What a harness does speaks for it and against a campaign, and the shared list decides."""
    weighed = {
        w.kind: w for w in alternatives.weigh({"pool": ("pool", 6.0), "fill": ("fill", -8.0), "timing": ("timing", 4.0)}, KNOWN)
    }

    assert weighed["eval_harness"].bits < -4
    assert weighed["eval_harness"].decided_by == "fill"
    assert weighed["app"].bits > 4


def test_a_campaign_is_better_than_every_explanation() -> None:
    """What a campaign does speaks against each benign kind, the one hardest to rule out first."""
    weighed = alternatives.weigh({"pool": ("pool", 6.0), "fill": ("fill", 0.0), "timing": ("timing", 5.0)}, KNOWN)

    assert [w.kind for w in weighed] == ["eval_harness", "app"]
    assert all(w.bits > 3 for w in weighed)


def test_a_kind_seen_too_rarely_is_not_weighed() -> None:
    """With fewer than five groups no law can be fitted, and nothing is said."""
    few = a_reference({"campaign": {"pool": 6.0}, "app": {"pool": -6.0}}, n=3)

    assert alternatives.weigh({"pool": ("pool", 6.0)}, few) == []


def test_no_family_is_heard_twice_and_none_beyond_its_cap() -> None:
    """Two detectors of one family count once, and at most twelve bits."""
    known = a_reference({"campaign": {"a": 50.0, "b": 50.0}, "app": {"a": -50.0, "b": -50.0}})

    (weighed,) = alternatives.weigh({"a": ("same", 50.0), "b": ("same", 50.0)}, known)

    assert weighed.bits == alternatives.CAP_BITS
