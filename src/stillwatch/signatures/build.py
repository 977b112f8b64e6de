"""
From a batch of exchanges to their signatures: fixed-size keyed digests, each from its exchange alone, and no text.

Why a batch and not one exchange at a time: the kernels read Arrow's buffers where they lie, distinct names and system
prompts are digested once a batch, and a Python call a request would cost more than all of it.
"""

import functools
import threading
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from stillwatch.methods import semantic
from stillwatch.methods.equal import firsts
from stillwatch.methods.hashing import U, mix, sip
from stillwatch.methods.words import character_classes
from stillwatch.privacy import Key
from stillwatch.records.tables import ACCOUNTS, EXCHANGES, SIGNATURES
from stillwatch.signatures import shape
from stillwatch.signatures.blobs import blobs
from stillwatch.signatures.ids import client_family, digests, networks
from stillwatch.signatures.joining import Lists, Room, join
from stillwatch.signatures.scan import PROMPT_FRAGMENTS, SYSTEM_FRAGMENTS, Scanned, Scanner, seeds_of
from stillwatch.signatures.texts import scan_column, set_values, texts_of

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
_CHUNK = 8_192  # exchanges whose working arrays stay in the cache and are used again
_ABSENT = U(0x6A09E667F3BCC909)  # any fixed value: the fraction of √2


@functools.lru_cache(maxsize=4)
def scanner_of(key: Key) -> Scanner:
    """The kernels' tables under one key, made once a process."""
    seeds = seeds_of(key)
    return Scanner(seeds, semantic.projection(int(seeds[-1])), character_classes(), shape.vocabulary(), _prior()[0])


_rooms = threading.local()


def _room() -> Room:
    """For a chunk, one a thread."""
    if not hasattr(_rooms, "own"):
        _rooms.own = Room.of(_CHUNK)
    own: Room = _rooms.own
    return own


@functools.cache
def _prior() -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64], float]:
    """The shipped model of S7: weights, biases, logits a unit of weight."""
    with resources.files("stillwatch.signatures").joinpath("elicitation.npz").open("rb") as file, np.load(file) as stored:
        return stored["weights"], stored["biases"], float(stored["scale"])


def sign(exchanges: pa.RecordBatch, first_row: int, key: Key) -> pa.Table:
    """
    Signatures of a batch, in its order.

    Cost: linear in the text, see benchmarks/speed; the text once more in memory where it is not ASCII, and 16 MB. Of a
    text beyond 1 MiB only its two ends are read word by word.

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
    system_of = _filled(systems.indices, -1)
    prompts, tools, n = get("prompt"), set_values(get("tools")), exchanges.num_rows
    chunks = [slice(at, min(at + _CHUNK, n)) for at in range(0, n, _CHUNK)] or [slice(0, 0)]
    texts = pa.concat_tables(
        _texts(scanner, prompts.slice(c.start, c.stop - c.start), scanned, system_of[c], tools[c]) for c in chunks
    )
    columns = {name: get(name) for name in _AS_LOGGED}
    columns |= {name: digests(get(source), key, name) for name, source in _NAMED}
    columns["row"] = pa.array(np.arange(first_row, first_row + n))
    columns["network"] = networks(get("ip"), key)
    columns["asn"] = digests(get("asn").cast(pa.string()), key, "asn")
    columns["system"] = _keyed(scanned.text, scanner, 2, systems.indices)
    columns["config"] = _config(exchanges, tools, key, scanner)
    columns["n_turns"] = pc.list_value_length(get("messages"))
    columns["blobs"] = blobs(prompts, get("messages"), key)
    columns |= {name: texts[name] for name in texts.column_names}
    return pa.table({name: columns[name] for name in SIGNATURES.names}).cast(SIGNATURES.schema)


def contracts(exchanges: pa.RecordBatch, key: Key) -> pa.Array:
    """
    The contracts of a batch (S2) alone, as `sign` gives them: to compare under a key that others hold too.

    Args:
        exchanges: Rows of `exchanges`.
        key: Keys the digests.
    """
    get = functools.partial(_column, exchanges)
    scanner = scanner_of(key)
    systems = get("system_prompt").dictionary_encode()
    scanned = scan_column(scanner, systems.dictionary, SYSTEM_FRAGMENTS)
    system_of = _filled(systems.indices, -1)
    prompts, tools, n = get("prompt"), set_values(get("tools")), exchanges.num_rows
    found = [
        _texts(scanner, prompts.slice(at, min(_CHUNK, n - at)), scanned, system_of[at : at + _CHUNK], tools[at : at + _CHUNK])
        for at in range(0, n, _CHUNK)
    ]
    return pa.concat_tables(found)["contract"].combine_chunks() if found else pa.nulls(0, pa.int64())


def accounts(exchanges: pa.RecordBatch, key: Key, pseudonyms: pa.ChunkedArray | None = None) -> pa.Table:
    """
    The distinct accounts of a batch with the organisation last seen with each, sorted by pseudonym.

    Args:
        exchanges: Rows of `exchanges`.
        key: Keys the pseudonyms, as in `sign`.
        pseudonyms: (n,) those that `sign` gave the rows, where it has.

    Returns:
        A table of `accounts`.
    """
    names = _column(exchanges, "account_id")
    given = digests(names, key, "account") if pseudonyms is None else pseudonyms
    table = pa.table({"account": given, "account_id": names, "org_id": _column(exchanges, "org_id")})
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


def _filled(column: pa.Array, instead: int) -> npt.NDArray[np.int64]:
    """Whole numbers, `instead` of null; a column of nothing is not worth Arrow's time."""
    if column.null_count == len(column):
        return np.full(len(column), instead, np.int64)
    if not column.null_count:
        return np.asarray(column.to_numpy().astype(np.int64))
    return np.asarray(pc.fill_null(column, instead).to_numpy(zero_copy_only=False).astype(np.int64))


def _listed(lists: Lists, there: npt.NDArray[np.bool_]) -> pa.Array:
    """As Arrow has it, cut to size: what was room for more is used again."""
    values = lists.values[: lists.starts[-1]].copy()
    return pa.ListArray.from_arrays(pa.array(lists.starts), pa.array(values), mask=pa.array(~there))


def _texts(
    scanner: Scanner, prompts: pa.Array, systems: Scanned, system_of: npt.NDArray[np.int64], tools: npt.NDArray[np.uint64]
) -> pa.Table:
    """What is kept of the texts of some exchanges."""
    texts = texts_of(prompts)
    prompt_of = firsts(texts.data, texts.offsets, texts.present, scanner.seeds[-1])
    room = _room()
    scanned = scan_column(scanner, prompts, PROMPT_FRAGMENTS, prompt_of == np.arange(len(prompts)), room.scanned)
    _, biases, scale = _prior()
    joined = join(scanner, scanned, systems, prompt_of, system_of, tools, biases, scale, room)
    none = ~joined.has_text
    starts = pa.array(np.arange(0, 5 * len(none) + 1, 5, dtype=np.int32))
    return pa.table(
        {
            "exact": pa.array(joined.exact, mask=none),
            "fragments": _listed(joined.fragments, joined.has_text),
            "contract": pa.array(joined.contract, mask=~joined.has_contract),
            "semantic_hi": pa.array(joined.high, mask=none),
            "semantic_lo": pa.array(joined.low, mask=none),
            "tokens": _listed(joined.tokens, joined.has_text),
            "fill": _listed(joined.fill, texts.present),
            "elicitation": pa.ListArray.from_arrays(starts, pa.array(joined.logits.reshape(-1)), mask=pa.array(none)),
            "n_words": pa.array(joined.n_words, mask=none),
        }
    )


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
        plain = column.cast(pa.uint8()) if pa.types.is_boolean(column.type) else column
        bits = (plain.cast(pa.float64()).to_numpy(zero_copy_only=False) + 0.0).view(np.uint64)
        _mix_in(total, np.where(column.is_valid().to_numpy(zero_copy_only=False), bits, _ABSENT))
    for name, prepare in (("reasoning_effort", None), ("user_agent", client_family)):
        column = digests(_column(exchanges, name), key, "config " + name, prepare)
        _mix_in(total, _filled(column, 0).view(np.uint64))
    out = np.empty(len(total), np.int64)
    _sip_all(total, scanner.seeds[10], scanner.seeds[11], out)
    return pa.array(out)
