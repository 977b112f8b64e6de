"""Counter-based randomness."""

import numpy as np

from stillwatch.worlds.hashing import below, hex_ids, mix, scramble, tag, unit


def test_scrambling_is_a_bijection() -> None:
    """A hundred thousand consecutive numbers have as many different images, equal to the published generator's."""
    images = scramble(np.arange(100_000, dtype=np.uint64))

    assert len(np.unique(images)) == 100_000
    assert int(scramble(np.zeros(1, np.uint64))[0]) == 0xE220A8397B1DCDAF  # first output of splitmix64 seeded with 0


def test_a_value_follows_from_its_words_and_their_order() -> None:
    """Scalars and arrays broadcast; every word moves the value."""
    many = mix(1, np.arange(5), 3)

    assert many.shape == (5,)
    assert many[2] == mix(1, 2, 3)[0]
    assert len({int(mix(1, 2)[0]), int(mix(2, 1)[0]), int(mix(1)[0]), int(mix(1, 2, 0)[0])}) == 4


def test_uniform_numbers_are_uniform() -> None:
    """Mean, spread and range are those of the unit interval, and of whole numbers below a bound."""
    u = unit(mix(9, np.arange(50_000)))
    whole = below(mix(8, np.arange(50_000)), 7)

    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 0.006
    assert abs(u.var() - 1 / 12) < 0.002
    assert np.bincount(whole, minlength=7).min() > 6_600
    assert whole.max() == 6


def test_names_have_numbers_of_their_own() -> None:
    """Different names, different numbers, below 2^63."""
    names = ["pool", "turn", "conversation", ""]

    assert len({tag(n) for n in names}) == 4
    assert all(0 <= tag(n) < 2**63 for n in names)


def test_ids_are_a_prefix_and_hex_digits() -> None:
    """The digits are those of the value, lowest first dropped where fewer are wanted."""
    values = np.array([0xDEADBEEF12345678, 1], np.uint64)

    assert hex_ids("acc-", values).to_pylist() == ["acc-deadbeef12345678", "acc-0000000000000001"]
    assert hex_ids("p-", values, 4).to_pylist() == ["p-5678", "p-0001"]
    assert hex_ids("p-", values[:0]).to_pylist() == []
