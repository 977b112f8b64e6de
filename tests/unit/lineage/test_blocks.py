"""Blocks of exchangeable units."""

import numpy as np

from stillwatch.lineage.blocks import Block, Move


def test_a_block_knows_its_units_and_its_place() -> None:
    """
    Units are counted by the first move; blocks of two models are held against each other by kind, layer and label.
    """
    move = Move("gate", ("w",), "rows", np.arange(6)[:, None])

    block = Block("neurons", 2, "expert 1", (move,))

    assert block.n == 6
    assert block.place == ("neurons", 2, "expert 1")
