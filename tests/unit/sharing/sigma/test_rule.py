"""Sigma rules: what we write, others' software reads; what others write, we read in our own subset or name as left out."""

import time
import uuid
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sharing.sigma import lines
from stillwatch.sharing.sigma import rule as sigma
from stillwatch.sharing.sigma.lines import LinesError
from stillwatch.sharing.sigma.rule import Head, Rule, RuleError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import yaml
    from sigma.collection import SigmaCollection
    from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationType
    from sigma.rule import SigmaRule
    from sigma.validation import SigmaValidator
    from sigma.validators.core import validators

HEAD = Head(
    "5c5160f6-a994-421d-8639-7ee2e054fda6",
    "4d1847bc-aa21-4f17-8e3a-088b64550415",
    date(2026, 11, 23),
    date(2026, 11, 24),
    date(2027, 2, 22),
)
SETTINGS = Rule((("max_tokens", 4096), ("n", 4), ("stream", False), ("temperature", 0.7)), "model", 86_400, 8)
PAYMENT = Rule((), "payment_id", 7 * 86_400, 16)
EFFORT = Rule((("logprobs", True), ("reasoning_effort", "high"), ("top_p", 1.0)), "device_id", 5_400, 5)
RULES = (SETTINGS, PAYMENT, EFFORT)
every = pytest.mark.parametrize("rule", RULES, ids=["settings", "payment", "effort"])
settings = st.dictionaries(st.sampled_from(["temperature", "top_p"]), st.floats(0, 1).map(lambda x: round(x, 4))).flatmap(
    lambda some: st.dictionaries(st.sampled_from(["n", "max_tokens"]), st.integers(1, 10_000)).map(lambda more: some | more)
)


@every
def test_a_rule_comes_back_as_it_was(rule: Rule) -> None:
    """Written and read, with its ids, its days and its end."""
    text = sigma.write(rule, HEAD)

    assert sigma.read(text) == rule
    assert sigma.head(text) == HEAD
    assert sigma.head(sigma.write(rule, replace(HEAD, withdrawn=True))).withdrawn


@given(settings, st.sampled_from(sigma.MEETING_PLACES), st.integers(60, sigma.MAX_SPAN_S), st.integers(5, sigma.MOST_ACCOUNTS))
def test_any_rule_comes_back(selection: dict[str, Any], group: str, span: int, least: int) -> None:
    """Whatever numbers stand in it, and YAML's own library reads the same documents."""
    rule = Rule(tuple(sorted(selection.items())), group, span, least)
    text = sigma.write(rule, HEAD)

    assert sigma.read(text) == rule
    assert list(yaml.safe_load_all(text)) == lines.parse(text)


@every
def test_pysigma_reads_it(rule: Rule) -> None:
    """pySigma resolves the correlation, sees the fields, count, group and span that are meant, and no validator objects."""
    collection = SigmaCollection.from_yaml(sigma.write(rule, HEAD))
    collection.resolve_rule_references()

    base, counting = collection.rules
    assert collection.errors == []
    assert isinstance(base, SigmaRule)
    assert isinstance(counting, SigmaCorrelationRule)
    assert counting.type == SigmaCorrelationType.VALUE_COUNT
    assert (counting.condition.count, counting.condition.fieldref) == (rule.least, "account_id")
    assert (counting.group_by, counting.timespan.seconds) == ([rule.group_by], rule.span_s)
    assert [one.rule for one in counting.rules] == [base]
    named = {item.field for item in base.detection.detections["selection"].detection_items}
    assert named - {rule.group_by} == {name for name, _ in rule.selection}
    assert (str(base.id), str(counting.id), counting.date) == (HEAD.base_id, HEAD.id, HEAD.made)
    issues = SigmaValidator(validators.values()).validate_rules(iter(collection.rules))
    assert [type(issue).__name__ for issue in issues] == []


def test_a_rule_says_nothing_of_values_on_which_accounts_meet() -> None:
    """Of a payment instrument only that there is one."""
    base, counting = lines.parse(sigma.write(PAYMENT, HEAD))

    assert base["detection"] == {"selection": {"payment_id|exists": True}, "condition": "selection"}
    assert counting["correlation"]["group-by"] == ["payment_id"]  # type: ignore[call-overload, index]  # a mapping


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"selection": (("model", "m"),)}, "cannot have"),
        ({"selection": (("temperature", 99.0),)}, "cannot have"),
        ({"selection": (("temperature", True),)}, "cannot have"),
        ({"selection": (("reasoning_effort", "write it like jane would"),)}, "cannot have"),
        ({"selection": (("n", 4), ("n", 4))}, "twice"),
        ({"selection": ()}, "every exchange"),
        ({"group_by": "org_id"}, "not counted here"),
        ({"group_by": "ip"}, "not counted here"),
        ({"least": 4}, "fewer than 5"),
        ({"span_s": 40 * 86_400}, "31 days"),
    ],
)
def test_a_rule_checks_itself(changes: dict[str, Any], why: str) -> None:
    """Nothing but settings, nobody's organisation or address, no crowd below the floor."""
    with pytest.raises(RuleError, match=why):
        replace(SETTINGS, **changes)


TEXT = sigma.write(SETTINGS, HEAD)
PROMPT = (
    "Please write me forty steps of careful reasoning about how the harbour of the old town was built and by whom it was paid for"
)
# name, a change of a good text, words of the reason
LEFT_OUT: tuple[tuple[str, Callable[[str], str], str], ...] = (
    ("no YAML at all", lambda t: "rule x { strings: $a = 'jane' }", "neither key"),
    ("nothing", lambda t: "", "neither key"),
    ("only the base rule", lambda t: t.split("---\n")[0], "one base rule with one count"),
    ("three documents", lambda t: t + "---\n" + t.split("---\n")[1], "one base rule with one count"),
    ("another log source", lambda t: t.replace("category: exchanges", "category: process_creation"), "log source"),
    ("a service beside", lambda t: t.replace("    product: stillwatch", "    product: stillwatch\n    service: x"), "logsource"),
    ("a prompt as a field", lambda t: t.replace("n: 4", "prompt: hello"), "field or modifier"),
    ("a modifier", lambda t: t.replace("        n: 4", "        n|gte: 4"), "field or modifier"),
    ("a list of values", lambda t: t.replace("        n: 4", "        n:\n            - 4"), "field or modifier"),
    ("another condition", lambda t: t.replace("condition: selection", "condition: not selection"), "condition"),
    ("events, not accounts", lambda t: t.replace("value_count", "event_count"), "other than accounts"),
    ("organisations, not accounts", lambda t: t.replace("account_id", "org_id"), "other than accounts"),
    (
        "another rule's name",
        lambda t: t.replace("    rules:\n        - exchanges_", "    rules:\n        - exchanger_"),
        "names another",
    ),
    ("a group of two", lambda t: t.replace("        - model", "        - model\n        - ip"), "one field"),
    ("a group of customers", lambda t: t.replace("        - model", "        - end_user_id"), "not counted here"),
    ("at most", lambda t: t.replace("gte: 8", "lte: 8"), "condition"),
    ("a crowd of one", lambda t: t.replace("gte: 8", "gte: 1"), "fewer than 5"),
    ("a year", lambda t: t.replace("'1d'", "'365d'"), "31 days"),
    ("a span without a unit", lambda t: t.replace("'1d'", "1"), "timespan"),
    ("an unknown part", lambda t: t.replace("level: low", "level: low\nfilter: x"), "not read here"),
    ("no title", lambda t: t.replace("title: Many accounts with one set of sampling settings\n", ""), "lacks a part"),
    ("a key twice", lambda t: t.replace("level: low", "level: low\nlevel: low"), "twice"),
    ("a level of its own", lambda t: t.replace("level: low", "level: jane"), "form"),
    ("an id that is none", lambda t: t.replace(HEAD.id, "jane"), "form"),
    ("a prompt as a name", lambda t: t.replace("exchanges_5c5160f6", "x_" + PROMPT.replace(" ", "_").lower()), "form"),
    ("a prompt as a description", lambda t: t.replace("Seen in", PROMPT), "personal data/prompt content"),
    (
        "a prompt cut into lines",
        lambda t: t.replace("falsepositives:", "falsepositives:\n" + "".join(f"    - {word}\n" for word in PROMPT.split())[:-1]),
        "personal data/prompt content",
    ),
    ("a prompt with dots for spaces", lambda t: t.replace("Seen in", PROMPT.replace(" ", ".")), "personal data/prompt content"),
    ("an anchor", lambda t: t.replace("title: Exchanges", "title: &a Exchanges"), "quoted"),
    ("an alias", lambda t: t.replace("level: low", "level: *a"), "quoted"),
    ("a tag", lambda t: t.replace("n: 4", "n: !!python/object:os.system 4"), "quoted"),
    ("flow style", lambda t: t.replace("n: 4", "n: [4, 5]"), "quoted"),
    ("a block of text", lambda t: t.replace("level: low", "author: |\n    jane"), "neither key"),
    ("a comment", lambda t: t.replace("level: low", "level: low # jane"), "quoted"),
    ("a tab", lambda t: t.replace("    product", "\tproduct"), "printed"),
    ("an escape", lambda t: t.replace("title: Many", "title: '\x1b[31mMany'"), "printed"),
    ("two spaces", lambda t: t.replace("    product", "  product"), "indented"),
    ("yes", lambda t: t.replace("stream: false", "stream: no"), "quoted"),
    ("too many lines", lambda t: t + "level: low\n" * 100, "lines"),
    ("too long", lambda t: t.replace("Seen in", "a" * 5_000), "characters"),
    ("too deep", lambda t: t.replace("        n: 4", "".join(f"{'    ' * i}n:\n" for i in range(2, 30)) + "x: 4"), "indented"),
)


@pytest.mark.parametrize(("change", "why"), [case[1:] for case in LEFT_OUT], ids=[case[0] for case in LEFT_OUT])
def test_what_is_beyond_the_subset_is_named(change: Callable[[str], str], why: str) -> None:
    """Never guessed at: a rule that says more than is understood is left out, with a reason that quotes nothing of it."""
    changed = change(TEXT)
    assert changed != TEXT

    with pytest.raises(RuleError) as told:
        sigma.read(changed)

    assert why in str(told.value)
    assert "jane" not in str(told.value)
    assert "harbour" not in str(told.value)


def test_titles_and_texts_of_others_are_free() -> None:
    """A peer may say it in other words, with tags, authors and references of his own, and name the base rule by its id."""
    text = TEXT.replace("title: Many accounts", "title: 'Lot''s of accounts'\ntags:\n    - tlp.green\nauthor: A peer\n#")
    text = text.replace("#  with one set of sampling settings\n", "").replace("# with one set of sampling settings\n", "")
    text = text.replace("        - exchanges_5c5160f6", f"        - '{HEAD.base_id}'")

    assert sigma.read(text) == SETTINGS


@pytest.mark.parametrize(
    "hostile",
    [
        " " * 4_000,
        "a:\n" * 2_000,
        "- " * 2_000,
        "'" * 4_000,
        "title: " + "a " * 2_000,
        "title: '" + "''" * 2_000,
        "a" * 4_096,
        "\n".join(f"{'    ' * (i % 4)}k:" for i in range(80)),
        "title: " + "9" * 4_000,
        "---\n" * 1_000,
        TEXT * 4,
    ],
)
def test_reading_costs_no_more_than_its_length(hostile: str) -> None:
    """Whatever stands in four thousand characters is refused within twenty milliseconds of CPU."""
    began = time.process_time()

    with pytest.raises(RuleError):
        sigma.read(hostile)

    assert time.process_time() - began < 0.02


def test_what_was_not_written_here_has_no_head() -> None:
    """Withdrawing and previewing need our own text."""
    for text in ("title: x", TEXT.replace("2027-02-22", "soon"), "\t"):
        with pytest.raises(RuleError, match="not written here"):
            sigma.head(text)


def test_the_reader_of_lines_refuses_by_itself() -> None:
    """Keys on two levels under one item, and an item where a key should be."""
    for text in ("a:\n    - b\n    c: d", "- a", "a: b\n        c: d"):
        with pytest.raises(LinesError):
            lines.parse(text)


def test_ids_may_be_any_uuid() -> None:
    """The reader asks for the form alone."""
    head = replace(HEAD, id=str(uuid.uuid4()), base_id=str(uuid.uuid4()))

    assert sigma.read(sigma.write(PAYMENT, head)) == PAYMENT
