"""Whatever of a log stands in bytes that leave: every run of eight words of every text, and every id, looked for exactly."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

RUN = 8
TEXTS = ("system_prompt", "prompt", "response")
IDS = (
    *("exchange_id", "account_id", "org_id", "key_id", "end_user_id", "session_id"),
    *("payment_id", "device_id", "client_fingerprint", "ip"),
)
LEAST_ID = 6  # characters: a shorter id stands in any bytes by chance
_WORD = re.compile(r"[^\W_]+")


@dataclass(slots=True)
class Secrets:
    """
    All that may not leave, of one log.

    Args:
        ids: Every id, and the plain digests of it that a hurried exporter would take for protection.
        runs: Texts, for their runs of eight words, as they are and without the numbers.
    """

    ids: dict[str, str] = field(default_factory=dict)  # the string -> the column it comes from
    texts: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, log: pa.Table) -> "Secrets":
        """Every text and id of a table of exchanges."""
        found = cls()
        for column in IDS:
            for value in log[column].unique().to_pylist():
                if value is not None:
                    assert len(value) >= LEAST_ID, f"{column} has ids too short to look for"
                    found.ids[value] = column
                    for name in ("sha256", "sha1", "md5"):
                        found.ids[hashlib.new(name, value.encode()).hexdigest()] = f"{column}, its {name}"
        for column in TEXTS:
            found.texts |= {text for text in log[column].unique().to_pylist() if text}
        for messages in log["messages"].to_pylist():
            found.texts |= {message["content"] for message in messages or () if message["content"]}
        return found

    @property
    def n_runs(self) -> int:
        """Distinct runs of eight words that are looked for."""
        return len({run for text in self.texts for run in runs(words(text))})

    def found_in(self, files: Mapping[str, bytes]) -> list[str]:
        """What of it stands in some bytes: file and column or run; empty where nothing leaks."""
        said: dict[tuple[str, ...], str] = {}
        for name, raw in files.items():
            for text in _readings(raw):
                for variant in (words(text), letters(text)):
                    said |= dict.fromkeys(runs(variant), name)
        told = [f"{name}: {column}" for name, raw in files.items() for column in self._ids_in(raw)]
        for text in self.texts:
            for variant in (words(text), letters(text)):
                told += [f"{said[run]}: {' '.join(run)}" for run in runs(variant) if run in said]
        return told

    def _ids_in(self, raw: bytes) -> Iterator[str]:
        """Columns of the ids that stand in some bytes: all windows of each length that an id has, against a set."""
        for text in {*_readings(raw)}:
            for length in sorted({len(one) for one in self.ids}):
                windows = {text[i : i + length] for i in range(len(text) - length + 1)}
                yield from (self.ids[one] for one in windows & self.ids.keys())


def words(text: str) -> list[str]:
    """Words and numbers, lower case."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def letters(text: str) -> list[str]:
    """Words without the numbers among them, as a sketch takes them."""
    return [word for word in words(text) if not any(c.isdigit() for c in word)]


def runs(said: list[str]) -> Iterator[tuple[str, ...]]:
    """Runs of eight."""
    return zip(*(said[i:] for i in range(RUN)), strict=False)


def _readings(raw: bytes) -> Iterator[str]:
    """The bytes as text, and, where they are JSON, each of its strings unescaped."""
    text = raw.decode("utf-8")
    yield text
    for line in (text, *text.splitlines()):
        try:
            yield from _strings(json.loads(line))
        except ValueError:
            continue


def _strings(tree: Any) -> Iterable[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from _strings(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _strings(value)
