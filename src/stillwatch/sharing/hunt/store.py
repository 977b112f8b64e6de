"""
Peers' indicators against one's own stored signatures: no text is read again, so new indicators can be held against old months.

Templates and contracts are compared under the epoch's key (tables `shared_sketches` and `shared_contracts`, which a scan writes
where `[sharing]` names an epoch and its key), networks by the house's own digest of each /24 and /48, tokens by account. What
is found goes into `peer_hits`, which the detector `peers` weighs. Behaviours are counted over the accounts of the whole store.

References:
    Speed: benchmarks/speed/exchange_hunt_store.
"""

import hashlib
import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.records.tables import (
    ACCOUNTS,
    PEER_HITS,
    SHARED_CONTRACTS,
    SHARED_SETTINGS,
    SHARED_SKETCHES,
    SIGNATURES,
    SKETCH_BYTES,
)
from stillwatch.sharing.hunt import behaviours
from stillwatch.sharing.hunt.indicators import Wanted
from stillwatch.sharing.hunt.match import Matcher, similarity
from stillwatch.sharing.hunt.search import HITS, Found

KEPT_PREFIX = {4: 24, 6: 48}  # signatures/ids.py: narrower networks are not told apart in a store


def root_of(place: Path) -> Path | None:
    """The store that a path means: itself, or the one inside a results folder; None where it is neither."""
    for root in (place, place / "store"):
        if parts.part_files(root, SIGNATURES):
            return root
    return None


def epochs(root: Path) -> tuple[str, ...]:
    """Names of the epochs whose digests a store holds; empty where it was scanned without `[sharing]`."""
    found: set[str] = set()
    for spec in (SHARED_SKETCHES, SHARED_CONTRACTS):
        for path in parts.part_files(root, spec):
            found |= set(pc.unique(pq.read_table(path, columns=["epoch"])["epoch"]).to_pylist())
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class StoreHunt:
    """
    What is looked for, and what is needed to look for it.

    Args:
        wanted: What peers look for.
        epoch: Name of the epoch that the sketches and contracts wanted are of.
        key: The key that the store's own digests were made with.
        tokens: One's own accounts by token, from `stillwatch share tokenise`.
        workers: Threads.
    """

    wanted: Wanted
    epoch: str
    key: Key
    tokens: Mapping[str, Sequence[str]]
    workers: int = 2

    @property
    def digest(self) -> str:
        """Names what is looked for: changes with every indicator that comes, changes or expires."""
        told = [
            sorted((s.id, s.sketched.hex(), s.threshold) for s in self.wanted.sketches),
            sorted((*key, *item) for key, nets in self.wanted.networks.items() for item in nets.items()),
            sorted(self.wanted.contracts.items()),
            self._own_tokens(),
            sorted((one.id, one.rule.says) for one in self.wanted.behaviours),
            sorted(self.wanted.benign.items()),
            self.epoch,
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    def __call__(self, engine: Engine) -> int:
        """Write `peer_hits`; returns how many there are."""
        hits = self.hits(engine)
        engine.write(PEER_HITS, hits)
        return hits.num_rows

    def hits(self, engine: Engine) -> pa.Table:
        """
        A table of `peer_hits`, sorted: one row an exchange and indicator.

        Raises:
            SharingError: the store's network digests were made with another key.
        """
        kinds = (self._templates, self._contracts, self._networks, self._tokens, self._behaviours)
        found = pa.concat_tables([look(engine) for look in kinds])
        best = found.group_by(["row", "indicator_id", "kind"]).aggregate([("similarity", "max")])
        best = best.sort_by([("indicator_id", "ascending"), ("row", "ascending"), ("kind", "ascending")])
        benign = [self.wanted.benign.get(name) for name in best["indicator_id"].to_pylist()]
        columns = [best["row"], best["indicator_id"], best["kind"], best["similarity_max"], pa.array(benign, pa.float64())]
        return pa.table(columns, names=list(PEER_HITS.names)).cast(PEER_HITS.schema)

    def _templates(self, engine: Engine) -> pa.Table:
        files = parts.part_files(engine.root, SHARED_SKETCHES)
        if not self.wanted.sketches or not files:
            return _hits([], [], "template")
        matcher = Matcher(self.wanted.sketches)
        names = np.array([one.id for one in self.wanted.sketches])
        with ThreadPoolExecutor(self.workers) as pool:
            return pa.concat_tables([_hits([], [], "template"), *pool.map(_in_part(matcher, names, self.epoch), files)])

    def _contracts(self, engine: Engine) -> pa.Table:
        if not self.wanted.contracts or not engine.has(SHARED_CONTRACTS):
            return _hits([], [], "contract")
        found = engine.query(
            "SELECT s.row, w.id FROM shared_contracts s JOIN wanted w ON w.contract = s.contract AND w.epoch = s.epoch",
            wanted=_lookup("contract", self.wanted.contracts).append_column(
                "epoch", pa.array([self.epoch] * len(self.wanted.contracts), pa.string())
            ),
        )
        return _hits(found["row"], found["id"], "contract")

    def _networks(self, engine: Engine) -> pa.Table:
        kept = dict(self._kept_networks())
        if not kept:
            return _hits([], [], "network")
        found = engine.query(
            "SELECT s.row, w.id FROM signatures s JOIN wanted w ON w.network = s.network", wanted=_lookup("network", kept)
        )
        return _hits(found["row"], found["id"], "network")

    def _kept_networks(self) -> Iterator[tuple[int, str]]:
        """Digests of the networks that a store keeps, each with the indicator it lies in; narrower indicators come last."""
        for (version, length), nets in sorted(self.wanted.networks.items()):
            kept = KEPT_PREFIX[version]
            whole = 32 if version == 4 else 128
            for prefix, name in nets.items() if length <= kept else ():
                first = prefix << (kept - length)
                for number in range(first, first + (1 << (kept - length))):
                    network = ipaddress.ip_network((number << (whole - kept), kept))
                    yield self.key.digest("network", str(network)), name

    def _tokens(self, engine: Engine) -> pa.Table:
        ours = self._own_tokens()
        if not ours or not engine.has(ACCOUNTS):
            return _hits([], [], "token")
        found = engine.query(
            "SELECT s.row, w.id FROM signatures s JOIN (SELECT DISTINCT account, account_id FROM accounts) a "
            "ON a.account = s.account JOIN wanted w ON w.account_id = a.account_id",
            wanted=pa.table({"account_id": [account for account, _ in ours], "id": [name for _, name in ours]}),
        )
        return _hits(found["row"], found["id"], "token")

    def _own_tokens(self) -> list[tuple[str, str]]:
        """One's own accounts with the indicators that name a token of them."""
        known = self.tokens.keys() & self.wanted.tokens.keys()
        return sorted((account, self.wanted.tokens[token]) for token in known for account in self.tokens[token])

    def _behaviours(self, engine: Engine) -> pa.Table:
        found = [_hits([], [], "behaviour")]
        for one in self.wanted.behaviours:
            if behaviours.can_be_looked_for(engine, one.rule):
                picked = behaviours.selected(engine, one.rule)
                rows = picked["row"].filter(pa.array(behaviours.counted(picked, one.rule)))
                found.append(_hits(rows, pa.array([one.id] * len(rows), pa.string()), one.rule.kind))
        return pa.concat_tables(found)


def unseen(wanted: Wanted, root: Path) -> dict[str, int]:
    """What is valid and cannot be matched in this store, counted by why."""
    told = {
        "a network narrower than a store keeps (/24, /48): hunt in the log": sum(
            len(nets) for (version, length), nets in wanted.networks.items() if length > KEPT_PREFIX[version]
        ),
        "templates and contracts, because the store was scanned without [sharing]": 0
        if epochs(root)
        else len(wanted.sketches) + len(wanted.contracts),
        "behaviours with settings, because the store was scanned without [sharing], or by an older release": 0
        if parts.part_files(root, SHARED_SETTINGS)
        else sum(bool(one.rule.selection) for one in wanted.behaviours),
    }
    return {why: n for why, n in told.items() if n}


def found(engine: Engine, hits: pa.Table) -> dict[str, Found]:
    """What is known of each indicator's hits, for a person and for sightings."""
    rows = engine.query(
        """SELECT h.indicator_id, h.kind, s.account, count(*) AS n, min(s.seen_at) AS first_seen, max(s.seen_at) AS last_seen,
        max(h.similarity) AS best FROM hits h JOIN signatures s ON s.row = h.row
        GROUP BY h.indicator_id, h.kind, s.account ORDER BY h.indicator_id, s.account""",
        hits=hits,
    )
    out: dict[str, Found] = {}
    for row in rows.to_pylist():
        one = out.setdefault(row["indicator_id"], Found(row["kind"]))
        one.add(f"{row['account'] & 0xFFFFFFFFFFFFFFFF:016x}", row["first_seen"], row["best"])
        one.add_times(row["n"] - 1, row["last_seen"])
    return out


def told(engine: Engine, hits: pa.Table) -> pa.Table:
    """The hits as a person reads them: a row of `search.HITS` each, accounts as in the log."""
    name = "a.account_id" if engine.has(ACCOUNTS) else "NULL"
    joined = (
        "LEFT JOIN (SELECT account, max(account_id) AS account_id FROM accounts GROUP BY account) a ON a.account = s.account"
        if engine.has(ACCOUNTS)
        else ""
    )
    return engine.query(
        f"""SELECT h.indicator_id, h.kind, s.exchange_id, coalesce({name}, CAST(s.account AS VARCHAR)) AS account_id, s.seen_at,
        h.similarity FROM hits h JOIN signatures s ON s.row = h.row {joined} ORDER BY h.indicator_id, s.row""",
        hits=hits,
    ).cast(HITS)


def check_key(engine: Engine, key: Key) -> None:
    """
    Refuse a key that the store's digests were not made with, where that can be told.

    Raises:
        SharingError: it is another key.
    """
    if not engine.has(ACCOUNTS):
        return
    some = engine.query("SELECT account, account_id FROM accounts LIMIT 1").to_pylist()
    plain = f"{some[0]['account'] & 0xFFFFFFFFFFFFFFFF:016x}" if some else ""
    if some and some[0]["account_id"] != plain and key.digest("account", some[0]["account_id"]) != some[0]["account"]:
        raise SharingError(f"{engine.root}: was scanned with another key. Name the key of that scan with --key-file")


def _in_part(matcher: Matcher, names: "np.ndarray[tuple[int], np.dtype[np.str_]]", epoch: str) -> Callable[[Path], pa.Table]:
    def look(path: Path) -> pa.Table:
        table = pq.read_table(path, columns=["epoch", "sketch"], use_threads=False)
        of_epoch = np.flatnonzero(pc.equal(table["epoch"], epoch).to_numpy())
        raw = table["sketch"].combine_chunks().buffers()[1]
        own = np.frombuffer(raw, np.uint8, table.num_rows * SKETCH_BYTES).reshape(-1, SKETCH_BYTES)
        matches = matcher.match(own if len(of_epoch) == len(own) else np.ascontiguousarray(own[of_epoch]))
        if not len(matches.rows):
            return _hits([], [], "template")
        carriers = pq.read_table(path, columns=["rows"], use_threads=False)["rows"].take(pa.array(of_epoch[matches.rows]))
        times = pc.list_value_length(carriers).to_numpy()
        alike = np.repeat([similarity(n) for n in matches.agree.tolist()], times)
        return _hits(pc.list_flatten(carriers), np.repeat(names[matches.peers], times), "template", alike)

    return look


def _lookup(name: str, values: Mapping[int, str]) -> pa.Table:
    return pa.table({name: pa.array(list(values), pa.int64()), "id": pa.array(list(values.values()), pa.string())})


def _hits(rows: object, names: object, kind: str, alike: object = None) -> pa.Table:
    """Hits of one kind, not yet one a row and indicator."""
    row, name = pa.array(rows, pa.int64()) if not isinstance(rows, pa.ChunkedArray) else rows, names
    name = name if isinstance(name, pa.ChunkedArray) else pa.array(name, pa.string())
    likeness = pa.nulls(len(row), pa.float64()) if alike is None else pa.array(alike, pa.float64())
    columns = {"row": row, "indicator_id": name, "kind": pa.array([kind] * len(row), pa.string()), "similarity": likeness}
    return pa.table(columns)
