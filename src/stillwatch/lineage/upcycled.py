"""A mixture of experts whose experts may be copies of a dense model's MLP: each expert's neurons against the dense neurons."""

from collections.abc import Iterator

from stillwatch.lineage.blocks import Block
from stillwatch.lineage.features import Pair, chosen, similarity
from stillwatch.lineage.names import Model

_KINDS = ("expert neurons", "shared-expert neurons")


def upcycled_pairs(
    suspect: Model, theirs: list[Block], base: Model, ours: list[Block], most_units: int, seed: int
) -> Iterator[Pair]:
    """
    Similarities of the suspect's experts with the dense MLP of the same layer, where both have as many neurons.

    Args:
        theirs: Blocks of the suspect without copies; experts that are copies of each other count once.
    """
    dense = {block.layer: block for block in ours if block.kind == "neurons"}
    for block in theirs:
        other = dense.get(block.layer)
        if block.kind not in _KINDS or other is None or other.n != block.n:
            continue
        units = chosen(seed, block, block.n, most_units, "units")
        found = similarity((suspect.weights, block), (base.weights, other), units, seed)
        if found is not None:
            yield Pair(f"{block.kind} against dense neurons", block.layer, block.label, found)
