"""
From a batch of exchanges to their signatures: fixed-size keyed digests, each from its exchange alone, and no text.

Why a batch and not one exchange at a time: the kernels read Arrow's buffers where they lie, distinct names and system
prompts are digested once a batch, and a Python call a request would cost more than all of it.
"""

import functools
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from stillwatch.methods import semantic
from stillwatch.methods.hashing import U, mix, sip
from stillwatch.methods.words import character_classes
from stillwatch.privacy import Key
from stillwatch.records.tables import ACCOUNTS, EXCHANGES, SIGNATURES
from stillwatch.signatures import shape
from stillwatch.signatures.ids import client_family, digests, network_of
from stillwatch.signatures.scan import PROMPT_FRAGMENTS, SYSTEM_FRAGMENTS, Joined, Scanner, join, seeds_of
from stillwatch.signatures.texts import scan_column, set_values

_NAMED = (  # column of `signatures`, column of `exchanges`; the purpose of a digest is the former
    ("account", "account_id"),
    ("org", "org_id"),
    ("end_user", "end_user_id"),
    ("session", "session_id"),
    ("payment", "payment_id"),
    ("device", "device_id"),
    ("client", "client_fingerprint"),
    ("user_agent", "user_agent"),
    ("tier", "tier"),
)
_AS_LOGGED = (
    "exchange_id",
    "seen_at",
    "model",
    "account_created_at",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "status",
)
_SAMPLING = ("temperature", "top_p", "max_tokens", "n", "logprobs", "stream")
_ABSENT = U(0x6A09E667F3BCC909)  # any fixed value: the fraction of √2


@functools.lru_cache(maxsize=4)
def scanner_of(key: Key) -> Scanner:
    """The kernels' tables under one key, made once a process."""
    seeds = seeds_of(key)
    return Scanner(seeds, semantic.projection(int(seeds[-1])), character_classes(), shape.vocabulary(), _prior()[0])


@functools.cache
def _prior() -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64], float]:
    """The shipped model of S7: weights, biases, logits a unit of weight."""
    with resources.files("stillwatch.signatures").joinpath("elicitation.npz").open("rb") as file, np.load(file) as stored:
        return stored["weights"], stored["biases"], float(stored["scale"])


def sign(exchanges: pa.RecordBatch, first_row: int, key: Key) -> pa.Table:
    """
    Signatures of a batch, in its order.

    Cost: about two microseconds and 600 bytes of working memory an exchange, plus the text once more where it is not
    ASCII; of a text beyond 1 MiB only its two ends are read word by word.

    Args:
        exchanges: Rows of `exchanges`; columns that are missing count as null.
        first_row: The `row` of the first exchange; the others follow.
        key: Keys every digest.

    Returns:
        A table of `signatures`.
    """
    get = functools.partial(_column, exchanges)
    scanner = scanner_of(key)
    systems = get("system_prompt").dictionary_encode()
    scanned = scan_column(scanner, systems.dictionary, SYSTEM_FRAGMENTS)
    prompts = scan_column(scanner, get("prompt"), PROMPT_FRAGMENTS)
    tools = set_values(get("tools"))
    n = exchanges.num_rows
    prompt_of = np.where(get("prompt").is_valid().to_numpy(zero_copy_only=False), np.arange(n), -1)
    system_of = pc.fill_null(systems.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    _, biases, scale = _prior()
    joined = join(scanner, prompts, scanned, prompt_of, system_of, tools, biases, scale)
    columns = {name: get(name) for name in _AS_LOGGED}
    columns |= {name: digests(get(source), key, name) for name, source in _NAMED}
    columns["row"] = pa.array(np.arange(first_row, first_row + n))
    columns["network"] = digests(get("ip"), key, "network", network_of)
    columns["asn"] = digests(get("asn").cast(pa.string()), key, "asn")
    columns["system"] = _keyed(scanned.text, scanner, 2, systems.indices)
    columns["config"] = _config(exchanges, tools, key, scanner)
    columns["n_turns"] = pc.list_value_length(get("messages"))
    columns |= _texts(joined)
    columns |= _fill(prompts, prompt_of < 0)
    return pa.table({name: columns[name] for name in SIGNATURES.names}).cast(SIGNATURES.schema)


def accounts(exchanges: pa.RecordBatch, key: Key) -> pa.Table:
    """
    The distinct accounts of a batch with the organisation last seen with each, sorted by pseudonym.

    Args:
        exchanges: Rows of `exchanges`.
        key: Keys the pseudonyms, as in `sign`.

    Returns:
        A table of `accounts`.
    """
    names = _column(exchanges, "account_id")
    table = pa.table({"account": digests(names, key, "account"), "account_id": names, "org_id": _column(exchanges, "org_id")})
    grouped = table.group_by(["account", "account_id"]).aggregate([("org_id", "max")]).rename_columns({"org_id_max": "org_id"})
    return grouped.select(list(ACCOUNTS.names)).sort_by("account").cast(ACCOUNTS.schema)


def _column(exchanges: pa.RecordBatch, name: str) -> pa.Array:
    wanted = next(c.type for c in EXCHANGES.columns if c.name == name)
    index = exchanges.schema.get_field_index(name)
    if index < 0:
        return pa.nulls(exchanges.num_rows, wanted)
    column = exchanges.column(index)
    if column.type == wanted or (wanted == pa.string() and pa.types.is_large_string(column.type)):
        return column
    return column.cast(wanted)


def _lists(rows: npt.NDArray[Any], counts: npt.NDArray[Any], null: npt.NDArray[np.bool_]) -> pa.Array:
    """Rows of fixed width as lists of their first `counts` values."""
    used = np.where(null, 0, counts)
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(used, out=offsets[1:])
    values = rows[np.arange(rows.shape[1]) < used[:, None]]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), mask=pa.array(null))


def _texts(joined: Joined) -> dict[str, pa.Array]:
    no_text = joined.n_fragments < 0
    logits = pa.ListArray.from_arrays(
        pa.array(np.arange(0, 5 * len(no_text) + 1, 5, dtype=np.int32)),
        pa.array(joined.logits.reshape(-1)),
        mask=pa.array(no_text),
    )
    return {
        "exact": pa.array(joined.exact, mask=no_text),
        "fragments": _lists(joined.fragments, joined.n_fragments, no_text),
        "contract": pa.array(joined.contract, mask=~joined.has_contract),
        "semantic_hi": pa.array(joined.high, mask=no_text),
        "semantic_lo": pa.array(joined.low, mask=no_text),
        "tokens": _lists(joined.tokens, joined.n_tokens, no_text),
        "elicitation": logits,
        "n_words": pa.array(joined.n_words, mask=no_text),
    }


def _fill(prompts: Any, no_prompt: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
    return {"fill": _lists(prompts.fill, prompts.n_fill, no_prompt)}


@njit(cache=True, nogil=True)
def _sip_all(values: Any, k0: np.uint64, k1: np.uint64, out: Any) -> None:
    for i in range(len(values)):
        out[i] = np.int64(sip(values[i], k0, k1))


@njit(cache=True, nogil=True)
def _mix_in(total: Any, values: Any) -> None:
    for i in range(len(total)):
        total[i] = mix(total[i] ^ values[i]) + U(1)


def _keyed(values: npt.NDArray[np.uint64], scanner: Scanner, pair: int, indices: pa.Array) -> pa.Array:
    out = np.empty(len(values), np.int64)
    _sip_all(values, scanner.seeds[pair], scanner.seeds[pair + 1], out)
    return pa.array(out).take(indices)


def _config(exchanges: pa.RecordBatch, tools: npt.NDArray[np.uint64], key: Key, scanner: Scanner) -> pa.Array:
    """S3: sampling settings, the client's family and the tools, as one digest."""
    total = tools.copy()
    for name in _SAMPLING:
        column = _column(exchanges, name)
        values = pc.fill_null(column.cast(pa.float64()) if not pa.types.is_boolean(column.type) else column.cast(pa.uint8()), 0)
        bits = (values.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0).view(np.uint64)
        _mix_in(total, np.where(column.is_valid().to_numpy(zero_copy_only=False), bits, _ABSENT))
    for name, prepare in (("reasoning_effort", str), ("user_agent", client_family)):
        column = digests(_column(exchanges, name), key, "config " + name, prepare)
        _mix_in(total, pc.fill_null(column, 0).to_numpy(zero_copy_only=False).view(np.uint64))
    out = np.empty(len(total), np.int64)
    _sip_all(total, scanner.seeds[10], scanner.seeds[11], out)
    return pa.array(out)
