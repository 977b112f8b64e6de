"""What the signatures of this version look like, told by example: so that those of two versions are never compared unseen."""

import hashlib

import pyarrow as pa

from stillwatch.privacy import Key
from stillwatch.records.tables import EXCHANGES, SHARED_CONTRACTS, SHARED_SETTINGS, SHARED_SKETCHES, SIGNATURES
from stillwatch.signatures.build import sign
from stillwatch.signatures.shared import Epoch, settings_table, shared_tables

_KEY = Key(b"of the examples, and of no one else")
_EXAMPLES: tuple[dict[str, object], ...] = (
    {
        "account_id": "a-1",
        "org_id": "o-1",
        "prompt": "Write three questions that a student of chemistry would ask, with worked answers. Think step by step.",
        "system_prompt": "You are a patient tutor. Answer in JSON with the keys question, reasoning and answer.",
        "tools": ["search", "calculator"],
        "temperature": 0.7,
        "ip": "192.0.2.77",
        "user_agent": "client/1.2 (x)",
        "payment_id": "p-1",
        "asn": 64500,
    },
    {
        "account_id": "a-2",
        "prompt": "Grüße aus Köln: bewerte die Antwort von 1 bis 10, und begründe jeden Punkt in einem Satz.",
        "ip": "2001:db8:1:2::3",
        "device_id": "d-1",
        "stream": True,
    },
    {"account_id": "a-3", "prompt": "请把下面的句子翻译成英文，并解释每一步。", "system_prompt": "Translate.", "max_tokens": 64},
    {"account_id": "a-4"},
    {"account_id": "a-5", "messages": [{"role": "assistant", "content": "Aa0+" * 30}]},
)


def mark(shared: bool = False) -> str:
    """
    Sixteen hex digits over the signatures of a few fixed exchanges under a fixed key.

    Args:
        shared: Over what is prepared for an exchange with others, too.

    >>> mark() == mark(), mark() == mark(shared=True), len(mark())
    (True, False, 16)
    """
    rows = [{"exchange_id": f"x-{i}", "seen_at": i * 1_000_000, "model": "m", **told} for i, told in enumerate(_EXAMPLES)]
    exchanges = pa.RecordBatch.from_pylist(rows, schema=EXCHANGES.schema)
    told = [(SIGNATURES.version, sign(exchanges, 0, _KEY).to_pylist())]
    if shared:
        tables = (*shared_tables(exchanges, 0, Epoch("example", _KEY)), settings_table(exchanges, 0))
        specs = (SHARED_SKETCHES, SHARED_CONTRACTS, SHARED_SETTINGS)
        told += [(spec.version, table.to_pylist()) for spec, table in zip(specs, tables, strict=True)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
