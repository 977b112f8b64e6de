"""The contract of a text."""

import numpy as np
import pytest

from stillwatch.methods.hashing import U
from stillwatch.methods.words import any_words, character_classes
from stillwatch.signatures import shape

KNOWN = shape.vocabulary()


def contract(text: str, tools: int = 0) -> int:
    """The value of one text's contract; 0 where it has none."""
    raw = np.frombuffer(text.lower().encode(), np.uint8)
    room = 2 * len(raw) + 200
    found = (np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint8))
    low, elements = np.zeros(room, np.uint8), np.zeros(shape.MAX_ELEMENTS, np.uint64)
    n, size, _ = any_words(raw, 0, len(raw), low, character_classes(), found, 0, U(1))
    count = shape.elements_of(low, size, KNOWN, found[0], n, elements)
    return int(shape.contract_of(elements, count, elements, 0, U(tools), np.zeros(shape.MAX_ELEMENTS, np.uint64)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "How do I bake bread?",
        "I'd like it's and don't, said 'she'.",
        "The meeting is from 10 to 12 and pages 1-2 of 2026-01-15 matter.",
        "Use <b>bold</b> and <a>links</a>.",
        "Note: call me",
        "see http://example.org: now",
        "x < 3 and y > 4, [1], [2]",
        "I got json from them",
        "vector<int> v; List<String> w",
    ],
)
def test_ordinary_text_has_no_contract(text: str) -> None:
    """
    Prose, HTML, code generics and a single label are no contract.
    """
    assert contract(text) == 0


@pytest.mark.parametrize(
    "text",
    [
        'Reply with {"score": 1, "reason": "..."}',
        "Answer as {'verdict': ..., 'why' : ...}",
        "Put it in <answer> tags",
        "End with </verdict>",
        "Write [[rating]] at the end",
        "Rate from 1 to 10",
        "a scale of 0-100",
        "between 1 and 5",
        "1–5 points",
        "Thought: why\nAction: what",
        "- Premise: a\n2. Conclusion: b",
        "As valid JSON. Also in YAML.",
    ],
)
def test_what_a_parser_needs_is_a_contract(text: str) -> None:
    """
    Keys, tags, marks, score ranges, repeated labels and formats asked for each make one.
    """
    assert contract(text) != 0


PROSE = (
    'Grade the reply for {}. Return {{"score": <1-10>, "reason": "text"}} inside <result></result>.',
    'How good is the answer about {}? Wrap it: <result>{{"reason": "why", "score": "1 - 10"}}</result> and nothing more, please!',
)


def test_a_contract_survives_paraphrase_and_fills() -> None:
    """
    Other prose, another order and another fill keep it; another key does not.
    """
    told = {contract(p.format(fill)) for p in PROSE for fill in ("bread", "the French Revolution, 1789: why?\nIt's long.")}

    assert len(told) == 1
    assert contract(PROSE[0].replace("reason", "comment").format("bread")) not in told


def test_labels_of_a_fill_do_not_move_a_firm_contract() -> None:
    """
    A fill with labelled lines changes nothing where keys, tags or ranges are asked for, and does where only labels are.
    """
    firm, loose = "Rate this from 1 to 10.\n{}", "Thought: why\nAction: what\n{}"
    fills = ("a plain fill", "Subject: hello\nDear all: it rains\nSigned: me")

    assert len({contract(firm.format(fill)) for fill in fills}) == 1
    assert len({contract(loose.format(fill)) for fill in fills}) == 2


def test_tools_are_part_of_the_contract() -> None:
    """
    Offering tools alone is a contract, and other tools are another.
    """
    assert contract("hello", tools=5) not in (0, contract("hello", tools=6))


def test_labels_are_read_in_every_script() -> None:
    """
    Lines that begin with Chinese labels are a contract as English ones are.
    """
    assert contract("问题: 一\n答案: 二") != 0


def test_a_flood_of_elements_is_bounded_and_stable() -> None:
    """
    Of a thousand keys the same few are kept whatever their order.
    """
    keys = [f'"key{chr(97 + i % 26)}{chr(97 + i // 26)}": 1' for i in range(500)]

    assert contract(", ".join(keys)) == contract(", ".join(reversed(keys))) != 0
