"""
What others do, as one score an account: our own implementations from the papers, each at its most generous.

All take the log alone and give higher scores to what they suspect more.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from sklearn.ensemble import IsolationForest

Scores = dict[str, float]
PREFIX_WORDS = 8  # an "action" where a paper has page likes: the first words of the prompt, or the system prompt
POPULAR = 200  # accounts of an action from which SynchroTrap's inverted index leaves it out (section 4.2: popular targets)
BLOCKS = 5  # FRAUDAR is run again on what is left, as its section 5 does


def volume(log: pa.Table) -> Scores:
    """Exchanges an account."""
    return {a: float(n) for a, n in Counter(log["account_id"].to_pylist()).items()}


def shared_exact_prompt(log: pa.Table) -> Scores:
    """Of an account's prompts, the most accounts that sent one of them word for word."""
    return _most_holders(log["account_id"].to_pylist(), log["prompt"].to_pylist())


def shared_payment(log: pa.Table) -> Scores:
    """Accounts on the account's payment instrument."""
    return _most_holders(log["account_id"].to_pylist(), log["payment_id"].to_pylist())


def synchrotrap(log: pa.Table) -> Scores:
    """Greatest Jaccard similarity of (action, hour) sets with another account; Cao et al., CCS 2014, section 4."""
    sets: dict[str, set[tuple[str, int]]] = defaultdict(set)
    hours = (log["seen_at"].cast(pa.int64()).to_numpy() // 3_600_000_000).tolist()
    for account, action, hour in zip(log["account_id"].to_pylist(), actions(log), hours, strict=True):
        sets[account].add((action, hour))
    index: dict[tuple[str, int], list[str]] = defaultdict(list)
    for account, done in sets.items():
        for one in done:
            index[one].append(account)
    together: Counter[tuple[str, str]] = Counter()
    for accounts in index.values():
        if 2 <= len(accounts) <= POPULAR:
            ordered = sorted(accounts)
            together.update((a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :])
    best: Scores = dict.fromkeys(sets, 0.0)
    for (a, b), n in together.items():
        jaccard = n / (len(sets[a]) + len(sets[b]) - n)
        best[a], best[b] = max(best[a], jaccard), max(best[b], jaccard)
    return best


def fraudar(log: pa.Table) -> Scores:
    """Accounts of the densest blocks of accounts and actions, the first block highest; Hooi et al., KDD 2016, log-weighted."""
    edges = sorted(set(zip(log["account_id"].to_pylist(), actions(log), strict=True)))
    found: Scores = dict.fromkeys(log["account_id"].to_pylist(), 0.0)
    for place in range(BLOCKS):
        block = densest(edges)
        found |= {account: float(BLOCKS - place) for account, _ in block}
        edges = sorted(set(edges) - block)
    return found


def isolation_forest(log: pa.Table) -> Scores:
    """Isolation forest (Liu, Ting and Zhou, ICDM 2008; scikit-learn) over seven features of an account."""
    rows: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    hours = (log["seen_at"].cast(pa.int64()).to_numpy() // 3_600_000_000).tolist()
    prompts = [p or "" for p in log["prompt"].to_pylist()]
    for account, action, hour, prompt in zip(log["account_id"].to_pylist(), actions(log), hours, prompts, strict=True):
        rows[account].append((hash(action), hour, len(prompt.split()), hash(prompt)))
    names = sorted(rows)
    features = [
        (
            np.log(len(told)),
            len({r[0] for r in told}) / len(told),
            len({r[3] for r in told}) / len(told),
            len({r[1] for r in told}) / len(told),
            len({r[1] // 24 for r in told}),
            float(np.mean([r[2] for r in told])),
            float(np.std([r[2] for r in told])),
        )
        for told in (rows[name] for name in names)
    ]
    fitted = IsolationForest(n_estimators=200, random_state=1).fit(np.array(features))
    return dict(zip(names, (-fitted.score_samples(np.array(features))).tolist(), strict=True))


def densest(edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """
    Edges of the block with the greatest mean weight a node, by greedy peeling; weight 1 / log(degree of the action + 5).

    >>> sorted({a for a, _ in densest([(a, x) for a in "abc" for x in "xyz"] + [("d", "w")])})
    ['a', 'b', 'c']
    """
    degree = Counter(action for _, action in edges)
    links: dict[tuple[int, str], dict[tuple[int, str], float]] = defaultdict(dict)
    for account, action in edges:
        weight = 1.0 / float(np.log(degree[action] + 5.0))
        links[0, account][1, action] = links[1, action][0, account] = weight
    load = {node: sum(others.values()) for node, others in links.items()}
    total, alive, removed = sum(load.values()) / 2.0, set(load), []
    heap = [(w, node) for node, w in load.items()]
    heapq.heapify(heap)
    best, best_at = total / max(len(alive), 1), 0
    while heap:
        weight, node = heapq.heappop(heap)
        if node not in alive or weight > load[node] + 1e-12:
            continue
        alive.remove(node)
        removed.append(node)
        total -= load[node]
        for other, w in links[node].items():
            if other in alive:
                load[other] -= w
                heapq.heappush(heap, (load[other], other))
        if alive and total / len(alive) > best:
            best, best_at = total / len(alive), len(removed)
    kept = set(load) - set(removed[:best_at])
    return {(a, x) for a, x in edges if (0, a) in kept and (1, x) in kept}


def actions(log: pa.Table) -> list[str]:
    """What an exchange does, for rules that need one: its system prompt, or how its prompt begins."""
    systems, prompts = log["system_prompt"].to_pylist(), log["prompt"].to_pylist()
    return [s or " ".join((p or "").split()[:PREFIX_WORDS]) for s, p in zip(systems, prompts, strict=True)]


def _most_holders(accounts: list[str], things: list[str | None]) -> Scores:
    holders: dict[str, set[str]] = defaultdict(set)
    for account, thing in zip(accounts, things, strict=True):
        if thing is not None:
            holders[thing].add(account)
    best: Scores = dict.fromkeys(accounts, 0.0)
    for named in holders.values():
        for account in named:
            best[account] = max(best[account], float(len(named)))
    return best


RULES: Mapping[str, Callable[[pa.Table], Scores]] = {
    "volume per account": volume,
    "shared exact prompt": shared_exact_prompt,
    "shared payment": shared_payment,
    "SynchroTrap-like Jaccard": synchrotrap,
    "FRAUDAR": fraudar,
    "isolation forest": isolation_forest,
}
