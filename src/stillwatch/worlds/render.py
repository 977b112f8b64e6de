"""From planned events to rows of the exchanges table: one rule for every column, whoever sends."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.records.tables import EXCHANGES, UTC_TIME
from stillwatch.worlds import answers, clients
from stillwatch.worlds.addresses import addresses, autonomous_systems
from stillwatch.worlds.cast import People
from stillwatch.worlds.clock import HOUR
from stillwatch.worlds.dossiers import Trajectory
from stillwatch.worlds.draft import Draft, Events
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.hashing import U64, below, hex_ids, mix, tag, unit
from stillwatch.worlds.transcript import Transcripts
from stillwatch.worlds.writing import Rows, Written

I64 = npt.NDArray[np.int64]

SECOND_NETWORK_SHARE = 0.2  # requests from an account's second network
OTHER_MODEL_SHARE = 0.15  # requests to a model that is not the account's usual one
NEW_MODEL_SHARE = 0.8  # requests to the new model, of an account that has taken it up


class Renderer:
    """
    Writes rows of a world.

    Args:
        draft: The plan: its window, its writers.
        grammar: The shipped languages.
        people: All accounts.
        text: Of answers: "none", "grammar" or "given".
        history: Write `messages`.
    """

    def __init__(self, draft: Draft, grammar: Grammar, people: People, text: str, history: bool) -> None:
        self._era, self._writers, self._seed = draft.era, draft.writers, draft.seed
        self._grammar, self._people, self._text = grammar, people, text
        self._transcripts = Transcripts(draft.library, grammar, people) if history else None
        self._account_columns = account_columns(people, draft.seed)

    def render(self, events: Events, first: int, last: int) -> pa.Table:
        """Rows `first` to `last` of the log, in the declared columns."""
        cut = slice(first, last)
        account = events.account[cut].astype(np.int64)
        rows = Rows(account, events.item[cut], events.conversation[cut], events.turn[cut].astype(np.int64))
        written = self._write(events.writer[cut], rows)
        h = mix(self._seed, tag("row"), np.arange(first, last))
        columns: dict[str, Any] = {
            "exchange_id": exchange_ids(self._seed, first, last),
            "seen_at": pa.array(events.at[cut], pa.int64()).cast(UTC_TIME),
            "session_id": hex_ids("ses-", mix(self._seed, tag("session"), rows.conversation)),
            "model": self._model(account, events.at[cut], h),
            "provider": pa.repeat(clients.PROVIDER, len(account)),
        }
        columns |= {name: values.take(pa.array(account)) for name, values in self._account_columns.items()}
        columns |= self._network(account, h)
        columns |= self._request(events.writer[cut], rows, written)
        config, failed = answers.settings_of(self._people, account, h), answers.failures(h)
        response = answers.responses(self._text, self._grammar, self._people, rows, written, failed)
        columns |= answers.asked(config) | answers.answered(config, response, failed, h)
        return conformed(columns, len(account))

    def _write(self, writer: npt.NDArray[np.int16], rows: Rows) -> Written:
        """Let every writer write its rows, and put them back in order."""
        n = len(writer)
        order = np.argsort(writer, kind="stable")
        tools, end_user = np.full(n, -1), np.zeros(n, np.uint64)
        parts: list[Written] = []
        for at in np.split(order, np.flatnonzero(np.diff(writer[order])) + 1) if n else []:
            some = Rows(rows.account[at], rows.item[at], rows.conversation[at], rows.turn[at])
            told = self._writers[writer[at[0]]].write(self._grammar, self._people, some)
            parts.append(told)
            tools[at] = -1 if told.tools is None else told.tools
            end_user[at] = 0 if told.end_user is None else told.end_user
        back = np.empty(n, np.int64)
        back[order] = np.arange(n)
        texts = [
            _together([p.prompt for p in parts], back),
            _together([p.system for p in parts], back),
            _together([pa.nulls(len(p.prompt), pa.string()) if p.response is None else p.response for p in parts], back),
        ]
        return Written(texts[0], texts[1], texts[2], tools, end_user)

    def _request(self, writer: npt.NDArray[np.int16], rows: Rows, written: Written) -> dict[str, pa.Array]:
        columns = {
            "prompt": written.prompt,
            "system_prompt": written.system,
            "tools": _tools(written),
            "end_user_id": _end_users(written, self._seed),
        }
        earlier = rows.turn * (120 + below(mix(rows.conversation, 7), 300))
        if self._transcripts:
            works = np.array([isinstance(w, Trajectory) for w in self._writers], np.bool_)[writer]
            columns["messages"] = self._transcripts.messages(
                rows, written.prompt, lambda at, some: self._write(writer[at], some), works
            )
        length = answers.tokens(written.system) + answers.tokens(written.prompt) + earlier
        return columns | {"prompt_tokens": pa.array(length.astype(np.int32))}

    def _network(self, account: I64, h: U64) -> dict[str, pa.Array]:
        away = unit(mix(h, 1)) < SECOND_NETWORK_SHARE
        packed = np.where(away, self._people.second_network[account], self._people.network[account])
        host = mix(self._people.unique[account], 61, away)
        return {"ip": addresses(packed, host), "asn": pa.array(autonomous_systems(packed))}

    def _model(self, account: I64, at: I64, h: U64) -> pa.Array:
        usual = self._people.model[account].astype(np.int64)
        other = below(mix(h, 3), len(self._era.models) - 1)
        chosen = np.where(unit(mix(h, 2)) < OTHER_MODEL_SHARE, other, usual)
        new = (at >= self._people.adopted[account]) & (unit(mix(h, 4)) < NEW_MODEL_SHARE)
        chosen = np.where(new, len(self._era.models) - 1, chosen)
        return pa.array(self._era.models).take(pa.array(chosen))


def account_columns(people: People, seed: int) -> dict[str, pa.Array]:
    """The columns that an account has once, one entry an account."""
    u = mix(seed, people.unique)
    org = pa.array(people.org == 0)
    orgs = hex_ids("org-", mix(seed, tag("org"), people.org), 12)
    return {
        "account_id": hex_ids("acc-", mix(u, 1)),
        "org_id": pc.if_else(org, pa.nulls(len(people), pa.string()), orgs),
        "key_id": hex_ids("key-", mix(u, 2), 12),
        "payment_id": hex_ids("pay-", mix(seed, tag("payment"), people.payment), 12),
        "device_id": hex_ids("dev-", mix(seed, tag("device"), people.device), 12),
        "client_fingerprint": clients.fingerprints().take(pa.array(people.client)),
        "account_created_at": pa.array(people.created, pa.int64()).cast(UTC_TIME),
        "tier": pa.array(clients.TIERS).take(pa.array(people.tier)),
        "user_agent": clients.user_agents().take(pa.array(people.client)),
    }


def created_before_use(people: People, events: Events) -> None:
    """Nobody sends before signing up: whoever would have signed up some hours before the first request."""
    first = np.full(len(people), np.iinfo(np.int64).max)
    np.minimum.at(first, events.account, events.at)
    late = people.created >= first
    slack = (1 + unit(mix(people.unique, 71)) * 47) * HOUR
    people.created[late] = first[late] - slack[late].astype(np.int64)


def exchange_ids(seed: int, first: int, last: int) -> pa.Array:
    """Unique opaque ids: splitmix64 is a bijection, so no two rows share one."""
    return hex_ids("req-", mix(seed, tag("exchange"), np.arange(first, last)))


def _together(parts: list[pa.Array], back: I64) -> pa.Array:
    return (pa.concat_arrays(parts) if parts else pa.array([], pa.string())).take(pa.array(back))


def _tools(written: Written) -> pa.Array:
    assert written.tools is not None
    table = pa.array([list(s) for s in clients.TOOL_SETS], pa.list_(pa.string()))
    return table.take(pa.array(written.tools, mask=written.tools < 0))


def _end_users(written: Written, seed: int) -> pa.Array:
    assert written.end_user is not None
    ids = hex_ids("usr-", mix(seed, tag("end user"), written.end_user), 12)
    return pc.if_else(pa.array(written.end_user == 0), pa.nulls(len(ids), pa.string()), ids)


def conformed(columns: dict[str, Any], n: int) -> pa.Table:
    """The declared table; what no rule fills is null."""
    arrays = [columns[c.name] if c.name in columns else pa.nulls(n, c.type) for c in EXCHANGES.columns]
    return pa.table([a.cast(c.type) for a, c in zip(arrays, EXCHANGES.columns, strict=True)], schema=EXCHANGES.schema)
