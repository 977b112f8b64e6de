"""Families and bundles of recipes."""

import numpy as np
import numpy.typing as npt

from stillwatch.methods.nearness import majorities
from stillwatch.settings import TemplateSettings
from stillwatch.templates.families import Kin, Relations

SETTINGS = TemplateSettings()
IDS = np.array([-7, 3, 20, 400])


def kin(meaning: list[npt.NDArray[np.bool_]], accounts: list[range], contracts: list[int] | None = None) -> Kin:
    """Relations of four recipes, each with one use an account."""
    relations = Relations(IDS)
    for number in (2, 0, 3, 1):
        high, low = majorities(np.repeat(meaning[number][None], len(accounts[number]), axis=0).astype(np.int32))
        account = np.array(accounts[number], np.int64)
        contract = np.full(len(account), contracts[number] if contracts else 0, np.int64)
        relations.add(np.full(len(account), number), account, high, low, contract)
    return relations.kin(SETTINGS)


def random_bits(seed: int) -> npt.NDArray[np.bool_]:
    """A random meaning."""
    return np.random.default_rng(seed).random(128) < 0.5


def moved(bits: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    """The same with the last `n` bits turned."""
    out = bits.copy()
    out[128 - n :] ^= True
    return out


APART = [range(k * 100, k * 100 + 30) for k in range(4)]


def test_near_meanings_are_one_family_named_by_its_smallest() -> None:
    """
    Recipes a few bits apart are variants; others stand alone.
    """
    base = random_bits(1)

    told = kin([random_bits(2), base, moved(base, 10), random_bits(3)], APART)

    assert told.family.tolist() == [-7, 3, 3, 400]
    assert told.bundle.tolist() == IDS.tolist()


def test_rough_likeness_needs_a_second_tie() -> None:
    """
    At twice the distance a shared contract or mutual accounts make a family, and neither alone.
    """
    base = random_bits(1)
    rough = [base, moved(base, 30), random_bits(2), random_bits(3)]
    mostly = [range(30), range(5, 35), range(200, 230), range(300, 330)]

    assert kin(rough, APART).family.tolist() == IDS.tolist()
    assert kin(rough, APART, [0x1234567890ABCDEF] * 4).family.tolist() == [-7, -7, 20, 400]
    assert kin(rough, mostly).family.tolist() == [-7, -7, 20, 400]


def test_containment_in_a_large_recipe_is_no_tie() -> None:
    """
    A small recipe inside a large one's accounts is neither bundle nor, at twice the distance, family.
    """
    base = random_bits(1)
    accounts = [range(1000), range(30), range(2000, 2030), range(3000, 3030)]

    told = kin([base, moved(base, 30), random_bits(2), random_bits(3)], accounts)

    assert told.family.tolist() == IDS.tolist()
    assert told.bundle.tolist() == IDS.tolist()


def test_the_same_accounts_are_one_bundle() -> None:
    """
    Whatever they say, recipes that the same accounts run are one bundle.
    """
    accounts = [range(30), range(30), range(28), range(500, 530)]

    told = kin([random_bits(k) for k in range(4)], accounts)

    assert told.bundle.tolist() == [-7, -7, -7, 400]
    assert told.family.tolist() == IDS.tolist()


def test_a_contract_of_a_minority_is_none() -> None:
    """
    Where most exchanges hold no contract, the others' tie nothing.
    """
    base = random_bits(1)
    relations = Relations(IDS)
    for number, bits in enumerate([base, moved(base, 30), random_bits(2), random_bits(3)]):
        high, low = majorities(np.repeat(bits[None], 30, axis=0).astype(np.int32))
        contract = np.where(np.arange(30) < 12, 0x1234567890ABCDEF, 0)
        relations.add(np.full(30, number), np.arange(30) + 100 * number, high, low, contract)

    assert relations.kin(SETTINGS).family.tolist() == IDS.tolist()


def test_recipes_without_words_are_near_to_none() -> None:
    """
    Recipes whose exchanges have no S4 are no family.
    """
    nothing = np.zeros(128, bool)

    assert kin([nothing, nothing, random_bits(1), random_bits(2)], APART).family.tolist() == IDS.tolist()
