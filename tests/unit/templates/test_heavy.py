"""Heavy values."""

import numpy as np

from stillwatch.templates.heavy import heavy
from stillwatch.templates.stream import Held


def test_heavy_values_are_those_of_a_plain_count() -> None:
    """
    Exactly the values with enough requests and enough accounts are kept, sorted, with exact counts.
    """
    rng = np.random.default_rng(1)
    lists = [np.unique(rng.zipf(1.3, 6) % 200) for _ in range(3000)]
    account = rng.integers(0, 60, 3000)
    chunks = np.array_split(np.arange(3000), 5)

    def held() -> list[Held]:
        return [
            Held(
                np.concatenate([lists[i] for i in chunk]),
                np.concatenate([[0], np.cumsum([len(lists[i]) for i in chunk])]),
                account[chunk],
            )
            for chunk in chunks
        ]

    found = heavy(held, 18_000, 20, 15)

    requests: dict[int, int] = {}
    owners: dict[int, set[int]] = {}
    for values, owner in zip(lists, account.tolist(), strict=True):
        for value in values.tolist():
            requests[value] = requests.get(value, 0) + 1
            owners.setdefault(value, set()).add(owner)
    expected = sorted(v for v in requests if requests[v] >= 20 and len(owners[v]) >= 15)
    assert found.value.tolist() == expected
    assert found.n_requests.tolist() == [requests[v] for v in expected]
    assert found.n_accounts.tolist() == [len(owners[v]) for v in expected]
    assert 0 < len(expected) < len(requests)
