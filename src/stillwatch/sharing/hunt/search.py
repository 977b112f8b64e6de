"""
One's own requests and recipes held against what peers look for; hits are gathered by indicator.

A hit is a reason to look and never enough alone: it is printed, written and answered with a sighting. Only hits in a store
(store.py) become evidence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.records.campaign import Document
from stillwatch.sharing.export import sketch
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.hunt import behaviours
from stillwatch.sharing.hunt.indicators import Wanted
from stillwatch.sharing.hunt.match import Matcher, similarity

HITS = pa.schema(
    [
        pa.field("indicator_id", pa.string(), False),
        pa.field("kind", pa.string(), False),
        pa.field("exchange_id", pa.string(), False),
        pa.field("account_id", pa.string(), False),
        pa.field("seen_at", pa.timestamp("us", tz="UTC"), False),
        pa.field("similarity", pa.float64(), True),
    ]
)
NEEDED = ("exchange_id", "account_id", "seen_at", "prompt", "system_prompt", "ip")


@dataclass(slots=True)
class Found:
    """What is known of one indicator's hits."""

    kind: str
    accounts: set[str] = field(default_factory=set)
    n_exchanges: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    best: float | None = None

    def add(self, account: str, seen_at: datetime, similarity: float | None) -> None:
        """One exchange more."""
        self.accounts.add(account)
        self.n_exchanges += 1
        self.first_seen = min(self.first_seen or seen_at, seen_at)
        self.last_seen = max(self.last_seen or seen_at, seen_at)
        if similarity is not None:
            self.best = max(self.best or 0.0, similarity)

    def merge(self, other: "Found") -> None:
        """What another place showed of the same indicator."""
        self.accounts |= other.accounts
        if other.first_seen is not None and other.last_seen is not None:
            self.first_seen = min(self.first_seen or other.first_seen, other.first_seen)
            self.add_times(other.n_exchanges, other.last_seen)
        if other.best is not None:
            self.best = max(self.best or 0.0, other.best)

    def add_times(self, n: int, until: datetime) -> None:
        """So many exchanges more of an account that is known already, the last of them then."""
        self.n_exchanges += n
        self.last_seen = max(self.last_seen or until, until)


class Search:
    """
    A hunt through batches of exchanges.

    Args:
        wanted: What peers look for.
        epoch: Key of the sketches; None where there is none to compare.
        tokens: One's own accounts by token, from `stillwatch share tokenise`.
    """

    def __init__(self, wanted: Wanted, epoch: Epoch | None, tokens: Mapping[str, Sequence[str]]) -> None:
        self._wanted = wanted
        self._epoch = epoch
        self._matcher = Matcher(wanted.sketches) if wanted.sketches and epoch else None
        self._blinded: dict[str, list[str]] = {}
        for token in sorted(tokens.keys() & wanted.tokens.keys()):
            for account in tokens[token]:
                self._blinded.setdefault(account, []).append(wanted.tokens[token])
        self._gathered = [(one, behaviours.Gathering(one.rule)) for one in wanted.behaviours]
        self.found: dict[str, Found] = {}

    def look(self, exchanges: pa.RecordBatch) -> pa.Table:
        """The hits of a batch, a row of HITS each; they are added to `found`."""
        columns = {name: _column(exchanges, name) for name in NEEDED}
        rows: list[tuple[int, str, str, float | None]] = []
        rows += [(row, name, "network", None) for row, name in self._networks(columns["ip"])]
        rows += [
            (i, name, "token", None) for i, account in enumerate(columns["account_id"]) for name in self._blinded.get(account, ())
        ]
        rows += self._templates(columns["system_prompt"], columns["prompt"])
        for _, gathering in self._gathered:
            gathering.add(exchanges)
        told = []
        for row, name, kind, alike in rows:
            account, seen_at = columns["account_id"][row], columns["seen_at"][row]
            self.found.setdefault(name, Found(kind)).add(account, seen_at, alike)
            told.append((name, kind, columns["exchange_id"][row], account, seen_at, alike))
        return _told(told)

    def finish(self) -> pa.Table:
        """The hits of behaviours, which show only when all batches were looked at; a row of HITS each, added to `found`."""
        told = []
        for one, gathering in self._gathered:
            for row in gathering.hits().to_pylist():
                self.found.setdefault(one.id, Found(one.rule.kind)).add(row["account"], row["seen_at"], None)
                told.append((one.id, one.rule.kind, row["exchange_id"], row["account"], row["seen_at"], None))
        return _told(told)

    def add(self, found: Mapping[str, "Found"]) -> None:
        """What was found elsewhere, in a store: taken in."""
        for name, one in found.items():
            self.found.setdefault(name, Found(one.kind)).merge(one)

    def recipes(self, document: Document) -> list[tuple[str, str, str, float, int]]:
        """
        Recipes of one's own campaigns that peers have seen too: campaign, recipe, indicator, similarity, accounts.

        Finds what single requests do not show: wording with the fill taken out.
        """
        own = [(c.campaign_id, r) for c in document.campaigns for r in c.recipes if r.sketch]
        if self._matcher is None or self._epoch is None or not own:
            return []
        sketched = sketch.sketches([r.sketch or "" for _, r in own], self._epoch)
        places = [i for i, one in enumerate(sketched) if one is not None]
        matches = self._matcher.match(_array([sketched[i] for i in places]))
        return [
            (
                own[places[row]][0],
                own[places[row]][1].id,
                self._wanted.sketches[peer].id,
                similarity(agree),
                own[places[row]][1].n_accounts,
            )
            for row, peer, agree in zip(matches.rows.tolist(), matches.peers.tolist(), matches.agree.tolist(), strict=True)
        ]

    def _networks(self, addresses: Sequence[str | None]) -> Iterable[tuple[int, str]]:
        if not self._wanted.networks:
            return
        known = {address: self._wanted.network_of(address) for address in set(addresses) if address}
        for row, address in enumerate(addresses):
            name = known.get(address) if address else None
            if name is not None:
                yield row, name

    def _templates(
        self, systems: Sequence[str | None], prompts: Sequence[str | None]
    ) -> list[tuple[int, str, str, float | None]]:
        """An exchange matches by its newest turn, by its system prompt, or by both together; the best of an indicator counts."""
        if self._matcher is None or self._epoch is None:
            return []
        texts: dict[str, list[int]] = {}
        for row, (system, prompt) in enumerate(zip(systems, prompts, strict=True)):
            for text in (prompt, system, f"{system} … {prompt}" if system and prompt else None):
                if text:
                    texts.setdefault(text, []).append(row)
        sketched = sketch.sketches(texts, self._epoch)
        kept = [(rows, one) for rows, one in zip(texts.values(), sketched, strict=True) if one is not None]
        matches = self._matcher.match(_array([one for _, one in kept]))
        best: dict[tuple[int, str], float] = {}
        for place, peer, agree in zip(matches.rows.tolist(), matches.peers.tolist(), matches.agree.tolist(), strict=True):
            name = self._wanted.sketches[peer].id
            for row in kept[place][0]:
                best[row, name] = max(best.get((row, name), 0.0), similarity(agree))
        return [(row, name, "template", alike) for (row, name), alike in sorted(best.items())]


def _told(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    return pa.table([pa.array([row[i] for row in rows], field.type) for i, field in enumerate(HITS)], HITS)


def _array(sketched: Sequence[bytes | None]) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.frombuffer(b"".join(one for one in sketched if one), np.uint8).reshape(-1, sketch.PERMUTATIONS)


def _column(exchanges: pa.RecordBatch, name: str) -> list[Any]:
    place = exchanges.schema.get_field_index(name)
    return exchanges.column(place).to_pylist() if place >= 0 else [None] * exchanges.num_rows
