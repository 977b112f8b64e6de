"""From planned events to rows of the exchanges table: one rule for every column, whoever sends."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.records.tables import EXCHANGES, UTC_TIME
from stillwatch.worlds import clients
from stillwatch.worlds.cast import IPV6_SHARE, Era, People
from stillwatch.worlds.clock import HOUR
from stillwatch.worlds.draft import Events
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.hashing import U64, below, hex_ids, mix, tag, unit
from stillwatch.worlds.writing import Rows, Writer, Written

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

CHARS_A_TOKEN = 4.0  # rule of thumb for English, used for every row alike
SECOND_NETWORK_SHARE = 0.2  # requests from an account's second network
OTHER_CONFIG_SHARE = 0.1  # requests with an account's second settings
OTHER_MODEL_SHARE = 0.15  # requests to a model that is not the account's usual one
FAILED_SHARE = 0.015


@dataclass(frozen=True)
class Answers:
    """
    What of the answers is written.

    Args:
        text: "none", "given" (where a corpus has it) or "grammar" (given, else made up).
        history: Write `messages` with the whole request, oldest first.
    """

    text: str = "given"
    history: bool = False


class Renderer:
    """
    Writes rows of a world.

    Args:
        era: Window and models.
        grammar: The shipped languages.
        people: All accounts.
        writers: By their numbers in the events.
        seed: Of the world.
        end_users: (n_accounts,) number of end users behind an account, 0 = it names none.
        answers: What of the answers is written.
    """

    def __init__(
        self,
        era: Era,
        grammar: Grammar,
        people: People,
        writers: list[Writer],
        seed: int,
        answers: Answers,
    ) -> None:
        self._era, self._grammar, self._people, self._writers = era, grammar, people, writers
        self._seed, self._answers = seed, answers
        self._account_columns = account_columns(people, seed)

    def render(self, events: Events, first: int, last: int) -> pa.Table:
        """Rows `first` to `last` of the log, in the declared columns."""
        cut = slice(first, last)
        account = events.account[cut].astype(np.int64)
        rows = Rows(account, events.item[cut], events.conversation[cut], events.turn[cut].astype(np.int64))
        written = self._written(events.writer[cut], rows)
        at = events.at[cut]
        h = mix(self._seed, tag("row"), np.arange(first, last))
        columns: dict[str, Any] = {
            "exchange_id": exchange_ids(self._seed, first, last),
            "seen_at": pa.array(at, pa.int64()).cast(UTC_TIME),
        }
        columns |= {name: values.take(pa.array(account)) for name, values in self._account_columns.items()}
        columns["session_id"] = hex_ids("ses-", mix(self._seed, tag("session"), rows.conversation))
        columns |= self._network(account, h)
        columns |= {"model": self._model(account, at, h), "provider": pa.repeat(clients.PROVIDER, len(at))}
        columns |= {"prompt": written.prompt, "system_prompt": written.system}
        columns |= {"tools": _tools(written), "end_user_id": _end_users(written, self._seed)}
        columns |= self._settings_and_answer(account, rows, written, h)
        return conformed(columns, len(at))

    def _written(self, writer: npt.NDArray[np.int16], rows: Rows) -> Written:
        parts: list[tuple[npt.NDArray[np.int64], Written]] = []
        for number in np.unique(writer):
            at = np.flatnonzero(writer == number)
            some = Rows(rows.account[at], rows.item[at], rows.conversation[at], rows.turn[at])
            parts.append((at, self._writers[number].write(self._grammar, self._people, some)))
        back = pa.array(np.argsort(np.concatenate([at for at, _ in parts]), kind="stable"))
        n = len(writer)
        tools, end_user = np.full(n, -1), np.zeros(n, np.uint64)
        for at, told in parts:
            if told.tools is not None:
                tools[at] = told.tools
            if told.end_user is not None:
                end_user[at] = told.end_user
        responses = [pa.nulls(len(at), pa.string()) if w.response is None else w.response for at, w in parts]
        return Written(
            pa.concat_arrays([w.prompt for _, w in parts]).take(back),
            pa.concat_arrays([w.system for _, w in parts]).take(back),
            pa.concat_arrays(responses).take(back),
            tools,
            end_user,
        )

    def _network(self, account: I64, h: U64) -> dict[str, pa.Array]:
        away = unit(mix(h, 1)) < SECOND_NETWORK_SHARE
        packed = np.where(away, self._people.second_network[account], self._people.network[account])
        host = mix(self._people.unique[account], 61, away)
        return {"ip": addresses(packed, host), "asn": pa.array(autonomous_systems(packed))}

    def _model(self, account: I64, at: I64, h: U64) -> pa.Array:
        usual = self._people.model[account].astype(np.int64)
        other = below(mix(h, 3), len(self._era.models) - 1)
        chosen = np.where(unit(mix(h, 2)) < OTHER_MODEL_SHARE, other, usual)
        new = (at >= self._people.adopted[account]) & (unit(mix(h, 4)) < 0.8)
        chosen = np.where(new, len(self._era.models) - 1, chosen)
        return pa.array(self._era.models).take(pa.array(chosen))

    def _settings_and_answer(self, account: I64, rows: Rows, written: Written, h: U64) -> dict[str, pa.Array]:
        told = clients.settings()
        usual = self._people.config[account].astype(np.int64)
        config = np.where(unit(mix(h, 5)) < OTHER_CONFIG_SHARE, (usual * 7 + 3) % len(told.n), usual)
        limit = told.max_tokens[config].astype(np.int64)
        asked = tokens(written.system) + tokens(written.prompt)
        context = asked + rows.turn * (120 + below(mix(rows.conversation, 7), 300))
        failed = unit(mix(h, 8)) < FAILED_SHARE
        response = self._response(written, rows, failed)
        effort = told.effort[config]
        free = np.exp(5.0 + 0.9 * normal(mix(h, 9)))
        length = np.where(np.asarray(pc.is_valid(response)), tokens(response), np.minimum(free, 16_000).astype(np.int64) + 1)
        capped = (limit > 0) & (length >= limit)
        length = np.where(failed, 0, np.where(limit > 0, np.minimum(length, np.maximum(limit, 1)), length))
        hidden = np.where((effort >= 3) & ~failed, (np.exp(5.5 + 0.8 * normal(mix(h, 10)))).astype(np.int64), 0)
        latency = 0.25 + 0.3 * unit(mix(h, 11)) + (length + hidden) * (0.008 + 0.012 * unit(mix(h, 12)))
        status = np.where(failed, np.array([429, 500, 400, 529])[below(mix(h, 13), 4)], 200)
        return {
            "temperature": masked(told.temperature[config], np.isnan(told.temperature[config])),
            "top_p": masked(told.top_p[config], np.isnan(told.top_p[config])),
            "n": pa.array(told.n[config]),
            "max_tokens": masked(limit.astype(np.int32), limit < 0),
            "logprobs": pa.array(told.logprobs[config]),
            "stream": pa.array(told.stream[config]),
            "reasoning_effort": clients.efforts().take(pa.array(effort)),
            "response": response,
            "prompt_tokens": pa.array(context.astype(np.int32)),
            "completion_tokens": pa.array(length.astype(np.int32)),
            "reasoning_tokens": masked(hidden.astype(np.int32), effort < 3),
            "finish_reason": pa.array(["stop", "length", None]).take(pa.array(np.where(failed, 2, capped.astype(np.int64)))),
            "status": pa.array(status.astype(np.int32)),
            "latency_s": pa.array(np.round(latency, 3)),
        }

    def _response(self, written: Written, rows: Rows, failed: npt.NDArray[np.bool_]) -> pa.Array:
        assert written.response is not None
        blank = pa.nulls(len(failed), pa.string())
        if self._answers.text == "none":
            return blank
        return pc.if_else(pa.array(failed), blank, written.response)


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


def tokens(text: pa.Array) -> I64:
    """Tokens of texts from their length; 0 for null."""
    length = pc.fill_null(pc.utf8_length(text), 0).to_numpy(zero_copy_only=False)
    return np.ceil(length / CHARS_A_TOKEN).astype(np.int64)


def normal(h: U64) -> F64:
    """Standard normal numbers from hashes (Box and Muller)."""
    return np.asarray(np.sqrt(-2.0 * np.log1p(-unit(mix(h, 1)))) * np.cos(2 * np.pi * unit(mix(h, 2))))


def masked(values: npt.NDArray[Any], absent: npt.NDArray[np.bool_]) -> pa.Array:
    """An Arrow array with nulls."""
    return pa.array(values, mask=absent)


def autonomous_systems(packed: U64) -> I64:
    """Numbers of autonomous systems, spread over the public 32-bit range."""
    return (1_000 + (mix(packed >> np.uint64(32), 81) % np.uint64(390_000))).astype(np.int64)


def addresses(packed: U64, host: U64) -> pa.Array:
    """Source addresses: IPv4 for most networks, IPv6 for the rest; the network is a function of `packed`, the host of `host`."""
    net = mix(packed, 82)
    known, back = np.unique(np.stack([net, host], 1), axis=0, return_inverse=True)
    texts = [_address(int(n), int(x)) for n, x in known.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(back.reshape(-1)))


def _address(net: int, host: int) -> str:
    if net % 1000 < IPV6_SHARE * 1000:
        return f"2a{net >> 56:02x}:{net >> 40 & 0xFFFF:x}:{net >> 24 & 0xFFFF:x}:{host & 0xFFFF:x}::{host >> 16 & 0xFFFF:x}"
    first = 11 + (net >> 56) % 88  # public space: above 10/8, below 100.64/10
    return f"{first}.{net >> 48 & 0xFF}.{net >> 40 & 0xFF}.{1 + host % 254}"


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
