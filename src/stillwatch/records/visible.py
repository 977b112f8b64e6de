"""
How a stranger's string is shown to a person: every character that could hide, reorder or command is made visible.

Account names, models and wording come from whoever sent the request. HTML escaping alone leaves bidirectional overrides,
zero-width characters, terminal escapes and piles of combining marks; every reader of results (page, terminal, CSV) asks here
first.
"""

import re
import unicodedata

BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # drawn as nothing, though not format characters
MAX_MARKS = 3  # combining marks on one letter: the most that a living script stacks (Unicode UAX 15, stream-safe text, is laxer)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV injection
_COMMANDS = re.compile("[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def visible(text: str, limit: int | None = None) -> str:
    """
    The text with control, format, blank and piled-up characters written as their codes.

    Args:
        limit: Longest result, in characters of the original; the rest is counted, not shown.

    >>> visible("a\\u202eb\\x1b[31m")
    'a⟨U+202E⟩b⟨U+001B⟩[31m'
    >>> visible("x" * 9, limit=4)
    'xxxx… (5 more characters)'
    """
    tail = ""
    if limit is not None and len(text) > limit:
        tail = f"… ({len(text) - limit:,} more characters)"
        text = text[:limit]
    if text.isascii() and text.isprintable():
        return text + tail
    return _shown(text) + tail


def csv_cell(text: str) -> str:
    """
    The text for a cell of a spreadsheet: visible, and never a formula.

    >>> csv_cell("=cmd()")
    "'=cmd()"
    """
    return "'" + visible(text) if text.startswith(_FORMULA) else visible(text)


def json_escaped(raw: bytes) -> bytes:
    """
    JSON text with the characters that could drive a terminal written as escapes: the same values, and inert when printed.

    JSON itself escapes only what is below U+0020. Of the others, those that command or reorder are written out: DEL, the C1
    controls, and all format characters of the basic plane.

    >>> print(json_escaped('["\\x9b31m", "caf\xe9"]'.encode()).decode())
    ["\\u009b31m", "café"]
    """
    return raw if raw.isascii() and b"\x7f" not in raw else _COMMANDS.sub(_escape, raw.decode()).encode()


def _shown(text: str) -> str:
    out = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        out.append(_name(character) if marks > MAX_MARKS or _hides(character) else character)
    return "".join(out)


def _hides(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Zs":
        return character != " "
    return category in _HIDDEN or character in BLANK_LETTERS or "\ufe00" <= character <= "\ufe0f"


def _name(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
