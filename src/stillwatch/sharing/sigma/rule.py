"""
One behaviour: so many accounts do the same within a span of time; as a Sigma rule, and back.

A rule is two YAML documents: a base rule that picks exchanges by their sampling settings or by having a payment instrument, a
device or a client fingerprint, and a correlation that counts accounts on one value of a field. Fields are the columns of our
table `exchanges`, version 1 (docs/reference/formats.md). No field that is compared holds a text, a name or a quantity used.

References:
    Sigma rules specification 2.1 and Sigma correlation rules specification 2.1, SigmaHQ/sigma-specification.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from stillwatch.records.tables import SHARED_SETTINGS
from stillwatch.sharing.sigma import lines
from stillwatch.sharing.sigma.lines import LinesError, Node, Scalar
from stillwatch.signatures.shared import EFFORTS

VERSION = "2.1.0"  # of the specification; stands in `pattern_version`
SETTINGS = SHARED_SETTINGS.names[1:]
MEETING_PLACES = ("payment_id", "device_id", "client_fingerprint")
GROUPS = ("model", *MEETING_PLACES)
LEAST_ACCOUNTS, MOST_ACCOUNTS = 5, 65_536
MAX_SPAN_S = 31 * 86_400
MAX_FREE_WORDS = 40  # in all titles, descriptions and the like of a rule together: a rule of ours has some 33
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME, _TAG, _URL = (
    re.compile(r"[a-z0-9_]{3,40}"),
    re.compile(r"[a-z0-9._+-]{1,40}"),
    re.compile(r"https://[A-Za-z0-9./_-]{1,120}"),
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_RUN = re.compile(r"[^\W\d_]{2,}")
_TECHNIQUE = "https://atlas.mitre.org/techniques/AML.T0024.002"
_SAID = {
    "model": ("one set of sampling settings", "An application that sets them for its users"),
    "payment_id": ("one payment instrument", "A company that pays for its staff"),
    "device_id": ("one device", "A shared computer"),
    "client_fingerprint": ("one client fingerprint", "A common client"),
}


class RuleError(ValueError):
    """The text is no rule that is read here; the message says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    At least `least` accounts, within a span, have exchanges of this selection with one value of `group_by`.

    Args:
        selection: Settings by name, sorted; may be empty where `group_by` is a meeting place.
        group_by: One of GROUPS.
        span_s: Seconds.
        least: Accounts.
    """

    selection: tuple[tuple[str, Scalar], ...]
    group_by: str
    span_s: int
    least: int

    def __post_init__(self) -> None:
        if self.group_by not in GROUPS:
            raise RuleError("it counts accounts on a field that is not counted here")
        if not self.selection and self.group_by not in MEETING_PLACES:
            raise RuleError("it selects every exchange")
        if [name for name, _ in self.selection] != sorted({name for name, _ in self.selection}):
            raise RuleError("its selection names a field twice")
        for name, value in self.selection:
            _check_setting(name, value)
        if not LEAST_ACCOUNTS <= self.least <= MOST_ACCOUNTS:
            raise RuleError(f"it asks for fewer than {LEAST_ACCOUNTS} or more than {MOST_ACCOUNTS} accounts")
        if not 60 <= self.span_s <= MAX_SPAN_S:
            raise RuleError("its timespan is shorter than a minute or longer than 31 days")

    @property
    def kind(self) -> str:
        """`behaviour` where settings are named; `collision` where accounts only meet, which one's own detectors weigh too."""
        return "behaviour" if self.selection else "collision"

    @property
    def says(self) -> str:
        """All of it in one line, the same for equal rules: what ids are made of."""
        return f"{self.selection!r} {self.group_by} {self.span_s} {self.least}"


@dataclass(frozen=True, slots=True)
class Head:
    """What a rule's text says beside its condition: ids, days, and whether it was withdrawn."""

    base_id: str
    id: str
    made: date
    modified: date
    until: date
    withdrawn: bool = False


def write(rule: Rule, head: Head) -> str:
    """The rule as text, for any tool that reads Sigma; `read` gives the rule back."""
    meeting, benign = _SAID[rule.group_by]
    name = f"exchanges_{head.base_id[:8]}"
    selection: dict[str, Node] = {f"{rule.group_by}|exists": True} if rule.group_by in MEETING_PLACES else {}
    selection |= dict(rule.selection)
    status = "deprecated" if head.withdrawn else "experimental"
    base: dict[str, Node] = {
        "title": f"Exchanges with {meeting}",
        "id": head.base_id,
        "name": name,
        "status": status,
        "logsource": {"category": "exchanges", "product": "stillwatch"},
        "detection": {"selection": selection, "condition": "selection"},
        "level": "informational",
    }
    counted: dict[str, Node] = {
        "type": "value_count",
        "rules": [name],
        "group-by": [rule.group_by],
        "timespan": _span(rule.span_s),
        "condition": {"gte": rule.least, "field": "account_id"},
    }
    correlation: dict[str, Node] = {
        "title": f"Many accounts with {meeting}",
        "id": head.id,
        "status": status,
        "description": f"Seen in a distillation campaign. Forget it after {head.until}",
        "references": [_TECHNIQUE],
        "date": str(head.made),
        "modified": str(head.modified),
        "correlation": counted,
        "falsepositives": [benign],
        "level": "low",
    }
    return lines.write([base, correlation])


def read(text: str) -> Rule:
    """
    The rule of a text in the form that `write` gives it; its titles and descriptions may differ.

    Raises:
        RuleError: it is another kind of rule, or says more than is understood here, so nothing of it is guessed.
    """
    try:
        documents = lines.parse(text)
    except LinesError as error:
        raise RuleError(str(error)) from error
    if len(documents) != 2:
        raise RuleError("it is not one base rule with one count over accounts")
    base, counting = documents
    _check_head(base, frozenset({"name", "logsource", "detection"}))
    _check_head(counting, frozenset({"correlation"}))
    if sum(len(_RUN.findall(word)) for document in documents for word in _free(document)) > MAX_FREE_WORDS:
        raise RuleError(f"personal data/prompt content: its texts have more than {MAX_FREE_WORDS} words together")
    source = _mapping(base, "logsource", frozenset({"category", "product"}))
    if (source.get("category"), source.get("product")) != ("exchanges", "stillwatch"):
        raise RuleError("its log source is not the table exchanges")
    detection = _mapping(base, "detection", frozenset({"selection", "condition"}))
    if detection.get("condition") != "selection":
        raise RuleError("its condition is not the one selection")
    selection = _mapping(detection, "selection", None)
    counted = _mapping(counting, "correlation", frozenset({"type", "rules", "group-by", "timespan", "condition"}))
    condition = _mapping(counted, "condition", frozenset({"gte", "field"}))
    if counted.get("type") != "value_count" or condition.get("field") != "account_id":
        raise RuleError("it counts something other than accounts")
    if counted.get("rules") not in ([base["name"]], [base["id"]]):
        raise RuleError("its correlation names another rule")
    group, least = counted.get("group-by"), condition.get("gte")
    if not isinstance(group, list) or len(group) != 1 or not isinstance(group[0], str) or type(least) is not int:
        raise RuleError("it does not count accounts on one field")
    return Rule(_settings(selection, group[0]), group[0], _seconds(counted.get("timespan")), least)


def head(text: str) -> Head:
    """
    The ids and days of a rule that `write` made.

    Raises:
        RuleError: it was not made so.
    """
    try:
        base, counting = lines.parse(text)
        until = re.search(r"\d{4}-\d\d-\d\d$", str(counting["description"]))
        days = (date.fromisoformat(str(counting["date"])), date.fromisoformat(str(counting["modified"])))
        withdrawn = counting["status"] == "deprecated"
        return Head(str(base["id"]), str(counting["id"]), *days, date.fromisoformat(until[0] if until else ""), withdrawn)
    except (ValueError, KeyError) as error:
        raise RuleError("it was not written here") from error


def _settings(selection: Mapping[str, Node], group: str) -> tuple[tuple[str, Scalar], ...]:
    found: list[tuple[str, Scalar]] = []
    for name, value in selection.items():
        if name == f"{group}|exists" and value is True and group in MEETING_PLACES:
            continue
        if name not in SETTINGS or not isinstance(value, str | int | float):
            raise RuleError("it selects by a field or modifier that is not read here")
        found.append((name, value))
    return tuple(sorted(found))


def _check_setting(name: str, value: Scalar) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "temperature": number and 0 <= value <= 10,  # type: ignore[operator]  # a number, see above
        "top_p": number and 0 <= value <= 1,  # type: ignore[operator]
        "n": type(value) is int and 1 <= value <= 10_000,
        "max_tokens": type(value) is int and 1 <= value <= 10_000_000,
        "logprobs": isinstance(value, bool),
        "stream": isinstance(value, bool),
        "reasoning_effort": isinstance(value, str) and (value in EFFORTS or re.fullmatch(r"[0-9]{1,6}", value) is not None),
    }
    if not fits.get(name, False):
        raise RuleError("a setting has a value that it cannot have")


_HEAD = frozenset(
    {"title", "id", "status", "description", "references", "author", "date", "modified", "tags", "falsepositives", "level"}
)
_STATUSES = frozenset({"stable", "test", "experimental", "deprecated", "unsupported"})
_LEVELS = frozenset({"informational", "low", "medium", "high", "critical"})


def _check_head(document: Mapping[str, Node], own: frozenset[str]) -> None:
    if not document.keys() <= _HEAD | own or not {"title", "id"} | own <= document.keys():
        raise RuleError("it lacks a part, or has one that is not read here")
    fine = (
        _fits(document["id"], _UUID)
        and _fits(document.get("name", "abc"), _NAME)
        and document.get("status", "test") in _STATUSES
        and document.get("level", "low") in _LEVELS
        and all(_fits(document.get(name, "2026-11-24"), _DATE) for name in ("date", "modified"))
        and all(isinstance(document.get(name, ""), str) for name in ("title", "description", "author"))
        and all(isinstance(document.get(name, []), list) for name in ("references", "tags", "falsepositives"))
        and all(_fits(one, _URL) for one in _list(document, "references"))
        and all(_fits(one, _TAG) for one in _list(document, "tags"))
        and all(isinstance(one, str) for one in _list(document, "falsepositives"))
    )
    if not fine:
        raise RuleError("one of its parts is not of the form that Sigma gives it")


def _fits(value: Node, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _list(document: Mapping[str, Node], name: str) -> list[Scalar]:
    found = document.get(name, [])
    return found if isinstance(found, list) else []


def _free(document: Mapping[str, Node]) -> list[str]:
    """Whatever a person may have written."""
    texts = [str(document.get(name, "")) for name in ("title", "description", "author", "name")]
    return texts + [str(one) for name in ("references", "tags", "falsepositives") for one in _list(document, name)]


def _mapping(node: Mapping[str, Node], name: str, keys: frozenset[str] | None) -> Mapping[str, Node]:
    found = node.get(name)
    if not isinstance(found, Mapping) or not (keys is None or found.keys() == keys):
        raise RuleError(f"its {name} is not of the form that is read here")
    return found


def _span(seconds: int) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _seconds(written: Node | None) -> int:
    found = re.fullmatch(r"(\d{1,7})([smhd])", written) if isinstance(written, str) else None
    if found is None:
        raise RuleError("its timespan is not a number with s, m, h or d")
    return int(found[1]) * _UNITS[found[2]]
