"""What an organisation shares: its id, its card, its network, its client."""

import numpy as np

from stillwatch.worlds.cast import People, networks, words


def one_organisation(rng: np.random.Generator, block: People) -> None:
    """All accounts of the block are seats of one organisation on one card."""
    block.org[:] = words(rng, 1)
    block.payment[:] = words(rng, 1)


def one_network(rng: np.random.Generator, block: People, cloud: bool = False) -> None:
    """All accounts of the block sit behind one network; some also call from elsewhere."""
    block.network[:] = networks(rng, 1, np.full(1, cloud))


def one_client(rng: np.random.Generator, block: People, share: float) -> None:
    """A share of the accounts calls with one client and one set of settings."""
    same = rng.random(len(block)) < share
    block.client[same], block.config[same] = block.client[0], block.config[0]
