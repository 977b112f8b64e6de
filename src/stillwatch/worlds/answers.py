"""What a request sets and what comes back: settings, tokens, latency, status; the same rules for every row of a world."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.worlds import clients
from stillwatch.worlds.cast import People
from stillwatch.worlds.grammar import Grammar
from stillwatch.worlds.hashing import U64, below, mix, unit
from stillwatch.worlds.writers import account_seed, nothing, own_context, sentences
from stillwatch.worlds.writing import Rows, Written

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

CHARS_A_TOKEN = 4.0  # rule of thumb for English, used for every row alike
OTHER_CONFIG_SHARE = 0.1  # requests with an account's second settings
FAILED_SHARE = 0.015
_FAILURES = np.array([429, 500, 400, 529])
# Tokens of answers: log-mean and spread between ServeGen's clients are 3.6 and 1.7, within one 0.64; one law in between.
_LENGTH_LOG, _LENGTH_SIGMA = 4.6, 1.0
_HIDDEN_LOG, _HIDDEN_SIGMA = 5.5, 0.8  # of hidden reasoning; no source
_FIRST_THINKING_EFFORT = 3  # place of "low" in clients.efforts


def reply(grammar: Grammar, people: People, rows: Rows) -> pa.Array:
    """A made-up answer to each row: a function of conversation and turn."""
    seed = mix(rows.conversation, rows.turn, 62)
    return grammar.write("say", own_context(account_seed(people, rows), rows.conversation), seed, 1 + sentences(seed, 4.0))


def responses(
    kind: str, grammar: Grammar, people: People, rows: Rows, written: Written, failed: npt.NDArray[np.bool_]
) -> pa.Array:
    """Texts of the answers, null where there is none."""
    n = len(failed)
    if kind == "none":
        return nothing(n)
    text = reply(grammar, people, rows) if kind == "grammar" else written.response
    return pc.if_else(pa.array(failed), nothing(n), nothing(n) if text is None else text)


def failures(h: U64) -> npt.NDArray[np.bool_]:
    """Which requests fail."""
    return np.asarray(unit(mix(h, 8)) < FAILED_SHARE, np.bool_)


def settings_of(people: People, account: I64, h: U64) -> I64:
    """The configuration of each request: an account's usual one, now and then its other one."""
    usual = people.config[account].astype(np.int64)
    return np.asarray(
        np.where(unit(mix(h, 5)) < OTHER_CONFIG_SHARE, (usual * 7 + 3) % len(clients.settings().n), usual), np.int64
    )


def asked(config: I64) -> dict[str, pa.Array]:
    """The columns that a request sets."""
    told = clients.settings()
    limit = told.max_tokens[config]
    return {
        "temperature": pa.array(told.temperature[config], mask=np.isnan(told.temperature[config])),
        "top_p": pa.array(told.top_p[config], mask=np.isnan(told.top_p[config])),
        "n": pa.array(told.n[config]),
        "max_tokens": pa.array(limit, mask=limit < 0),
        "logprobs": pa.array(told.logprobs[config]),
        "stream": pa.array(told.stream[config]),
        "reasoning_effort": clients.efforts().take(pa.array(told.effort[config])),
    }


def answered(config: I64, response: pa.Array, failed: npt.NDArray[np.bool_], h: U64) -> dict[str, Any]:
    """The columns of the answer: its length is that of its text where there is one, and never above the limit asked for."""
    told = clients.settings()
    limit = told.max_tokens[config].astype(np.int64)
    free = np.minimum(np.exp(_LENGTH_LOG + _LENGTH_SIGMA * normal(mix(h, 9))), 16_000).astype(np.int64) + 1
    length = np.where(np.asarray(pc.is_valid(response)), tokens(response), free)
    capped = (limit > 0) & (length >= limit)
    length = np.where(failed, 0, np.where(capped, limit, length))
    thinking = told.effort[config] >= _FIRST_THINKING_EFFORT
    hidden = np.where(thinking & ~failed, np.exp(_HIDDEN_LOG + _HIDDEN_SIGMA * normal(mix(h, 10))).astype(np.int64), 0)
    latency = 0.25 + 0.3 * unit(mix(h, 11)) + (length + hidden) * (0.008 + 0.012 * unit(mix(h, 12)))
    status = np.where(failed, _FAILURES[below(mix(h, 13), len(_FAILURES))], 200)
    return {
        "response": response,
        "completion_tokens": pa.array(length.astype(np.int32)),
        "reasoning_tokens": pa.array(hidden.astype(np.int32), mask=~thinking),
        "finish_reason": pa.array(["stop", "length", None]).take(pa.array(np.where(failed, 2, capped.astype(np.int64)))),
        "status": pa.array(status.astype(np.int32)),
        "latency_s": pa.array(np.round(latency, 3)),
    }


def tokens(text: pa.Array) -> I64:
    """Tokens of texts from their length; 0 for null."""
    length = pc.fill_null(pc.utf8_length(text), 0).to_numpy(zero_copy_only=False)
    return np.ceil(length / CHARS_A_TOKEN).astype(np.int64)


def normal(h: U64) -> F64:
    """Standard normal numbers from hashes (Box and Muller)."""
    return np.asarray(np.sqrt(-2.0 * np.log1p(-unit(mix(h, 1)))) * np.cos(2 * np.pi * unit(mix(h, 2))))
