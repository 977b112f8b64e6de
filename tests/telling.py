"""A plain classifier that looks for what a generator of worlds might give away unwillingly."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import optimize, stats
from tests.planting import a_draft

from stillwatch.worlds.build import grammar
from stillwatch.worlds.draft import Part
from stillwatch.worlds.hashing import tag
from stillwatch.worlds.library import Library
from stillwatch.worlds.look_alikes.agents import Agents
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.look_alikes.framework import Framework
from stillwatch.worlds.look_alikes.gateway import GatewayKey
from stillwatch.worlds.render import Renderer, created_before_use
from stillwatch.worlds.traffic import VOLUME_SIGMA

F64 = npt.NDArray[np.float64]

ACCOUNTS = 700
ROWS_AN_ACCOUNT = 5
# Of an AUC over 350 planted and 350 benign accounts the standard error at chance is 0.022; the band is 3.6 of them.
BAND = 0.08
AT_REST: dict[str, Any] = {
    "cover": 0.3,
    "shared_client": 0.0,
    "infra_reuse": 0.0,
    "pivot": 0.0,
    "signup": "aged",
    "volume_sigma": VOLUME_SIGMA,
    "days": 7.0,
}
# What a shape's dials make of requests, honest accounts do as well: tools, end users, turns.
TWINS: dict[str, Part] = {
    "agentic": Agents(ACCOUNTS, 10 * ACCOUNTS, own=0.3),
    "hidden": Framework(ACCOUNTS, 10 * ACCOUNTS, own=0.3, same_client=0.0),
    "through_gateway": GatewayKey(ACCOUNTS, 10 * ACCOUNTS, end_users=1_500),
}


def both(shape: type[Part], library: Library | None = None) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
    """The log of as many ordinary as planted accounts, and which rows are of planted ones."""
    draft = a_draft(11, library)
    twin = TWINS.get(shape.kind, ChatUsers(ACCOUNTS, 10 * ACCOUNTS))
    parts: list[Part] = [twin, shape(accounts=ACCOUNTS, exchanges=10 * ACCOUNTS, **AT_REST)]  # type: ignore[call-arg]
    for number, part in enumerate(parts):
        part.plan(draft, np.random.default_rng([number, tag(shape.kind)]), number)
    people, events = draft.cast.close(), draft.close()
    created_before_use(people, events)
    table = Renderer(draft, grammar(), people, "none", False).render(events, 0, len(events))
    return table, people.part[events.account] == 1


def features(table: pa.Table, style: bool = True) -> F64:
    """
    What a generator might give away, one row an exchange, standardised.

    Args:
        style: Also how prompts end and whether they double spaces: real text differs in that by source.
    """
    columns: list[F64] = []
    for name, start in (
        ("exchange_id", 4),
        ("account_id", 4),
        ("session_id", 4),
        ("key_id", 4),
        ("payment_id", 4),
        ("device_id", 4),
    ):
        columns += [np.array([int(v[i], 16) for v in table[name].to_pylist()], float) for i in range(start, start + 12)]
    for name in ("seen_at", "account_created_at"):
        us = table[name].cast(pa.int64()).to_numpy()
        columns += [us % 10.0, us % 1_000.0, us % 1e6, us // 10**6 % 60.0, us // (60 * 10**6) % 60.0]
    created = table["account_created_at"].cast(pa.int64()).to_numpy() / 86_400e6 * 2 * np.pi
    columns += [np.sin(created), np.cos(created)]
    prompts = table["prompt"].to_pylist()
    columns.append(np.array([p != p.strip() for p in prompts], float))
    columns.append(np.array([any(c in p for c in "\x00\u200b") for p in prompts], float))
    if style:
        columns.append(np.array(["  " in p for p in prompts], float))
        columns.append(np.array([p[-1].isalnum() for p in prompts], float))
    _, first = np.unique(np.array(table["session_id"].to_pylist()), return_index=True)
    opening = np.isin(np.arange(len(prompts)), first)
    length = pc.utf8_length(table["prompt"]).to_numpy()
    system = pc.fill_null(pc.utf8_length(table["system_prompt"]), 0).to_numpy()
    over = opening * (table["prompt_tokens"].to_numpy() - np.ceil(length / 4) - np.ceil(system / 4))
    columns.append(np.where(np.abs(over) <= 3, over, 0.0))  # a conversation that runs over the window's end begins in mid-way
    tokens = table["completion_tokens"].to_numpy().astype(float)
    columns += [
        tokens,
        tokens % 2,
        tokens % 10,
        np.round(table["latency_s"].to_numpy() * 1_000) % 10,
        table["latency_s"].to_numpy(),
    ]
    for name in ("temperature", "top_p", "n", "max_tokens", "logprobs", "stream", "asn", "status", "reasoning_tokens"):
        columns.append(np.nan_to_num(table[name].cast(pa.float64()).to_numpy(), nan=-1.0))
    columns.append(np.array([":" in ip for ip in table["ip"].to_pylist()], float))
    columns += [np.asarray(pc.is_null(table[c]), float) for c in table.column_names if c != "system_prompt"]
    matrix = np.stack(columns, 1)
    spread = matrix.std(0)
    return np.asarray((matrix - matrix.mean(0)) / np.where(spread > 0, spread, 1.0), float)


def auc(matrix: F64, planted: npt.NDArray[np.bool_], account: npt.NDArray[np.int64]) -> float:
    """Of a logistic regression fitted to half of the accounts, over the mean scores of the other half."""
    rank = np.argsort(np.argsort(account * 10_000_000 + np.arange(len(account))))
    heads = np.zeros(len(account), np.int64)
    order = np.argsort(rank)
    new = np.append(True, np.diff(account[order]) != 0)
    heads[order] = np.arange(len(order)) - np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    kept = heads < ROWS_AN_ACCOUNT
    fit, held = kept & (account % 2 == 0), kept & (account % 2 == 1)
    sign = np.where(planted[fit], 1.0, -1.0)

    def loss(w: F64) -> tuple[float, F64]:
        margin = sign * (matrix[fit] @ w)
        pull = -sign / (1.0 + np.exp(np.clip(margin, -30, 30)))
        return float(np.logaddexp(0, -margin).sum() + 5.0 * w @ w), matrix[fit].T @ pull + 10.0 * w

    weights = optimize.minimize(loss, np.zeros(matrix.shape[1]), jac=True, method="L-BFGS-B").x
    scores = np.bincount(account[held], matrix[held] @ weights) / np.maximum(np.bincount(account[held]), 1)
    label = np.zeros(len(scores), bool)
    label[account[held & planted]] = True
    seen = np.bincount(account[held]) > 0
    u = stats.mannwhitneyu(scores[seen & label], scores[seen & ~label]).statistic
    return float(u / ((seen & label).sum() * (seen & ~label).sum()))


def half_width(planted: npt.NDArray[np.bool_], account: npt.NDArray[np.int64], comparisons: int) -> float:
    """Of the 95 % interval at chance of a held-out AUC (Hanley and McNeil 1982), Bonferroni over comparisons."""
    held = account % 2 == 1
    n, m = len(set(account[held & planted].tolist())), len(set(account[held & ~planted].tolist()))
    return float(stats.norm.ppf(1 - 0.025 / comparisons) * np.sqrt((n + m + 1) / (12 * n * m)))


def numbered(table: pa.Table) -> npt.NDArray[np.int64]:
    """Accounts as numbers, in no order that could tell."""
    return np.asarray(np.unique(np.array(table["account_id"].to_pylist()), return_inverse=True)[1], np.int64)
