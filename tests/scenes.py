"""Synthetic groups for tests of detectors: ordinary accounts, fleets that deal out a pool, accounts that share a list."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.evidence import Detector
from stillwatch.evidence.scene import Release, Scene, Seat, Visit
from stillwatch.records.tables import EVIDENCE, GROUP_EXCHANGES, GROUPS
from stillwatch.settings import EngineSettings

VOCABULARY = 20_000
_ZIPF = 1 / np.arange(1, VOCABULARY + 1)
CUMULATIVE = np.cumsum(_ZIPF / _ZIPF.sum())
RELEASE = Release("new", 80.0, 10_000, 600)
INFRASTRUCTURE = frozenset({"payment", "device", "network", "client", "account_created_at"})
EVERYTHING = INFRASTRUCTURE | {"system", "blobs", "tokens", "seen_at", "exact", "fill", "model", "peer_hits"}


def an_engine(root: Path) -> DuckDBEngine:
    """An engine of one worker over `root`."""
    return DuckDBEngine(root, EngineSettings(workers=1, memory_gb=1.0))


def ordinary(seed: int, accounts: int = 20, exchanges: int = 10, own_share: float = 0.2, first: int = 1_000) -> list[Visit]:
    """
    Accounts that return to words of their own, by day, on their own days, each asking its own things; their clients send the
    model's reasoning back, and one in ten of them has a file that another has too.
    """
    rng = np.random.default_rng(seed)
    out = []
    for account in range(first, first + accounts):
        own = rng.integers(VOCABULARY, 2**30, 25)
        noon = rng.normal(14, 3)
        for i in range(exchanges):
            n_own = rng.binomial(15, own_share)
            words = [*_common(rng, 15 - n_own), *rng.choice(own, n_own)]
            hour = float(np.clip(rng.integers(7) * 24 + rng.normal(noon, 2), 0, 167.9))
            visit = _visit(rng, account, hour, words, "new" if hour > 80 and rng.random() < 0.02 else "small")
            file = () if i or account % 20 > 1 else (-(account // 20),)
            out.append(replace(visit, blobs=(2**40 + 1_000 * account + i, *file)))
    return out


def fleet(
    seed: int, accounts: int = 20, exchanges: int = 10, first: int = 2_000, busy: int = 30, hit: str | None = "template"
) -> list[Visit]:
    """
    Accounts fed from one queue with one pool of prompts, in the same hours, half of them moved by a release; a peer knows them,
    and each prompt comes with one of four reasoning blobs an account, whoever's it was.
    """
    rng = np.random.default_rng(seed)
    hours = rng.choice(168, busy, replace=False)
    return [
        replace(
            _visit(rng, a, float(hour := rng.choice(hours) + rng.random()), _common(rng, 15), _moved(rng, float(hour))),
            hit=hit,
            blobs=(int(rng.integers(1, 4 * accounts + 1)) + 1_000_000 * seed,),
        )
        for a in range(first, first + accounts)
        for _ in range(exchanges)
    ]


def listed(seed: int, accounts: int = 20, exchanges: int = 10, first: int = 3_000) -> list[Visit]:
    """Accounts that send one list of prompts each: a harness or a classroom."""
    rng = np.random.default_rng(seed)
    items = [_visit(rng, 0, 0.0, _common(rng, 15), "small") for _ in range(exchanges)]
    return [replace(i, account=a, hour=float(rng.random() * 168)) for a in range(first, first + accounts) for i in items]


def seats(seed: int, accounts: Sequence[int], together: int = 1) -> list[Seat]:
    """
    Where accounts sit: `together` of them on each card, device, network and client, signed up in three weeks, evenly busy, each
    through four system prompts.

    1 = each on its own, signed up and busy as people are, through one.
    """
    rng = np.random.default_rng(seed)
    base = int(rng.integers(2**40))
    age = rng.gamma(1.2, 160.0, len(accounts)) if together == 1 else rng.uniform(30, 51, len(accounts))
    sent = np.ceil(rng.lognormal(3.0, 1.3 if together == 1 else 0.4, len(accounts))).astype(int).tolist()
    out = []
    for i, a in enumerate(accounts):
        payment, device, network, client = ((base + 1_000 * kind + i // together, together) for kind in range(4))
        out.append(Seat(a, None, payment, device, network, client, float(age[i]), sent[i], 1 if together == 1 else 4))
    return out


def members(visits: Sequence[Visit]) -> list[int]:
    """Accounts of visits."""
    return sorted({v.account for v in visits})


def scene_of(visits: dict[int, list[Visit]], sitting: dict[int, list[Seat]] | None = None) -> Scene:
    """A scene of a week with one release."""
    return Scene(visits, sitting or {g: seats(g, members(v)) for g, v in visits.items()}, (RELEASE,))


def weights(detector: Detector, scene: Scene, root: Path) -> dict[int, float]:
    """Weight of each group of a scene."""
    with an_engine(root) as engine:
        scene.store(engine)
        return said(detector, engine, scene)


def said(detector: Detector, engine: Engine, scene: Scene) -> dict[int, float]:
    """Weight of each stored group."""
    table = detector.detect(engine, engine.read(GROUPS), scene.window)
    return dict(zip(table["group"].to_pylist(), table["weight_bits"].to_pylist(), strict=True))


def reasons(engine: Engine) -> list[str]:
    """All reasons of the stored evidence."""
    out: list[str] = engine.read(EVIDENCE)["reason"].to_pylist()
    return out


def shuffled(engine: Engine, seed: int) -> None:
    """Put the stored exchanges of groups into random order."""
    table = engine.read(GROUP_EXCHANGES)
    engine.write(GROUP_EXCHANGES, table.take(np.random.default_rng(seed).permutation(table.num_rows)))


def _common(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Words of the common vocabulary, frequent ones more often (Zipf)."""
    return np.searchsorted(CUMULATIVE, rng.random(n)).astype(np.int64)


def _moved(rng: np.random.Generator, hour: float) -> str:
    return "new" if hour > 80 and rng.random() < 0.5 else "small"


def _visit(rng: np.random.Generator, account: int, hour: float, words: Sequence[int] | NDArray[np.int64], model: str) -> Visit:
    fill = tuple(rng.integers(-(2**31), 2**31, 8).tolist())
    exact = int(rng.integers(2**60))
    return Visit(account, hour, tuple({int(w) for w in words}), fill, exact, model)
