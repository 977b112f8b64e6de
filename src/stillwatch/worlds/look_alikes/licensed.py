"""A licensed distiller: a harvest by contract, from one organisation."""

from dataclasses import dataclass
from typing import ClassVar

from stillwatch.worlds.look_alikes.synthetic_data import SyntheticData


@dataclass(frozen=True)
class Licensed(SyntheticData):
    """
    One organisation that harvests with the provider's consent; its truth is benign, its traffic is a harvest.

    Args:
        accounts: Keys.
        exchanges: In total.
    """

    kind: ClassVar[str] = "licensed"
    accounts: int = 24
    exchanges: int = 4_000
