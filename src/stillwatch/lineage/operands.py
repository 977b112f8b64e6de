"""From what a person typed to an operand: an address with a model, a file of outputs, or weights on disk."""

import hashlib
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stillwatch.errors import LineageError
from stillwatch.lineage.answers import Answers
from stillwatch.lineage.base import Operand
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.patience import Patience
from stillwatch.lineage.texts import read_texts
from stillwatch.lineage.transport import ApiKey, Limits, Transport
from stillwatch.lineage.weights import open_weights

_TEXT_SUFFIXES = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True)
class Access:
    """
    How endpoints are reached.

    Args:
        keys: Host -> API key; a host without one is asked without.
        answers: Folder of kept answers; None keeps them for this run only.
        patience: Retries and pace.
        limits: Of one exchange.
        parallel: Questions under way at once.
    """

    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    answers: Path | None = None
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)
    parallel: int = 4


def open_operand(typed: str, access: Access) -> Operand:
    """
    Open what a person typed.

    Raises:
        LineageError: nothing there, or nothing that a test can use.
    """
    if typed.startswith(("http://", "https://")):
        return _endpoint(typed, access)
    path = Path(typed)
    if path.suffix.lower() in _TEXT_SUFFIXES:
        return read_texts(path)
    return open_weights(path, typed)


def host_of(typed: str) -> str | None:
    """
    The host of an address; None where it is no address.

    >>> host_of("https://api.example.org/v1#m"), host_of("models/base")
    ('api.example.org', None)
    """
    return urllib.parse.urlsplit(typed).hostname if typed.startswith(("http://", "https://")) else None


def answers_file(name: str) -> str:
    """File name under which the answers of an endpoint are kept."""
    return f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.ndjson"


def _endpoint(typed: str, access: Access) -> Endpoint:
    url, _, model = typed.partition("#")
    transport = Transport(url, access.keys.get(host_of(typed) or ""), access.limits)
    if not model:
        raise LineageError(f"{transport.address}: which model? Write the address as {transport.address}#MODEL")
    where = access.answers / answers_file(f"{transport.address}#{model}") if access.answers else None
    return Endpoint(transport, model, Answers(where), access.patience, access.parallel)
