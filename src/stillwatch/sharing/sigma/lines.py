"""
The part of YAML that our Sigma rules are written in: block mappings and lists of plain values, four spaces a level.

Why not a YAML library: what a stranger sends is read here, and YAML has anchors that unfold without end, tags that make objects
and a dozen ways to write one string. Whatever is not in this part is refused, in time linear in the text.
"""

import re
from collections.abc import Mapping, Sequence

Scalar = str | int | float | bool
Node = Scalar | Sequence[Scalar] | Mapping[str, "Node"]

MAX_CHARACTERS, MAX_LINES, MAX_LEVELS = 4_096, 80, 4
_INDENT = 4
_LINE = re.compile(r"(?P<indent> *)(?:- (?P<item>\S.*)|(?P<key>[a-z_|-]{1,40}):(?: (?P<value>\S.*))?)")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.,/+-]*(?: [A-Za-z0-9_.,/+-]+)*")
_INTEGER, _FLOAT = re.compile(r"-?\d{1,9}"), re.compile(r"-?\d{1,9}\.\d{1,9}")
_WORDS = {"true": True, "false": False}
_OTHERS = frozenset(["null", "yes", "no", "on", "off", "y", "n", "nan", "inf"])  # words that YAML 1.1 takes for something else


class LinesError(ValueError):
    """The text is not in the part of YAML that is read here; the message quotes nothing of it."""


def parse(text: str) -> list[dict[str, Node]]:
    """
    The documents of a text.

    Raises:
        LinesError: it is too long, or written in another way.

    >>> parse("title: A rule\\ndetection:\\n    selection:\\n        n: 4\\n    condition: selection")
    [{'title': 'A rule', 'detection': {'selection': {'n': 4}, 'condition': 'selection'}}]
    """
    if len(text) > MAX_CHARACTERS:
        raise LinesError(f"longer than {MAX_CHARACTERS} characters")
    lines = text.removesuffix("\n").split("\n")
    if not all(line.isprintable() for line in lines):
        raise LinesError("a character that cannot be printed")
    if len(lines) > MAX_LINES:
        raise LinesError(f"more than {MAX_LINES} lines")
    documents: list[list[str]] = [[]]
    for line in lines:
        if line == "---":
            documents.append([])
        else:
            documents[-1].append(line)
    return [_Block(document).whole() for document in documents]


def write(documents: Sequence[Mapping[str, Node]]) -> str:
    """
    The text of documents; `parse` gives them back.

    >>> print(write([{"title": "A rule", "rules": ["one"], "timespan": "1d"}]), end="")
    title: A rule
    rules:
        - one
    timespan: '1d'
    """
    return "---\n".join("".join(f"{line}\n" for line in _lines(document, 0)) for document in documents)


def _lines(node: Mapping[str, Node], level: int) -> list[str]:
    out: list[str] = []
    space = " " * _INDENT * level
    for key, value in node.items():
        if isinstance(value, Mapping):
            out += [f"{space}{key}:", *_lines(value, level + 1)]
        elif isinstance(value, str | int | float):
            out.append(f"{space}{key}: {_written(value)}")
        else:
            out += [f"{space}{key}:", *(f"{space}{' ' * _INDENT}- {_written(one)}" for one in value)]
    return out


def _written(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0") + ("0" if value == int(value) else "")
    plain = _PLAIN.fullmatch(value) and value.lower() not in _OTHERS | _WORDS.keys()
    return value if plain else "'" + value.replace("'", "''") + "'"


class _Block:
    """The lines of one document, read from the top."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = [self._split(line) for line in lines]
        self._at = 0

    def whole(self) -> dict[str, Node]:
        """The mapping that the document is."""
        found = self._mapping(0)
        if self._at < len(self._lines):
            raise LinesError("a line is indented in a way that is not read here")
        return found

    def _split(self, line: str) -> tuple[int, str | None, str | None, str | None]:
        found = _LINE.fullmatch(line)
        if found is None:
            raise LinesError("a line that is neither key, value nor item, or is written in another way")
        level, rest = divmod(len(found["indent"]), _INDENT)
        if rest or level >= MAX_LEVELS:
            raise LinesError("a line is indented in a way that is not read here")
        return level, found["key"], found["value"], found["item"]

    def _mapping(self, level: int) -> dict[str, Node]:
        out: dict[str, Node] = {}
        while self._at < len(self._lines):
            here, key, value, _ = self._lines[self._at]
            if here != level or key is None:
                break
            self._at += 1
            if key in out:
                raise LinesError("a key stands twice")
            out[key] = self._below(level + 1) if value is None else _read(value)
        if not out:
            raise LinesError("a mapping without keys")
        return out

    def _below(self, level: int) -> Node:
        if self._at < len(self._lines) and self._lines[self._at][0] == level and self._lines[self._at][3] is not None:
            return self._list(level)
        return self._mapping(level)

    def _list(self, level: int) -> list[Scalar]:
        out: list[Scalar] = []
        while self._at < len(self._lines):
            here, _, _, item = self._lines[self._at]
            if here != level or item is None:
                break
            self._at += 1
            out.append(_read(item))
        return out


def _read(text: str) -> Scalar:
    if (quoted := _QUOTED.fullmatch(text)) is not None:
        return quoted[1].replace("''", "'")
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text in _WORDS:
        return _WORDS[text]
    if _PLAIN.fullmatch(text) is None or text.lower() in _OTHERS:
        raise LinesError("a value that is no number, no plain words and not quoted")
    return text
