"""What people may see of a recipe."""

import random

import pytest

from stillwatch.signatures.wording import MAX_WORDS, sketch


def sample(text: str, fills: list[str], system: str | None = None) -> list[tuple[object, str | None, str | None]]:
    """One exchange an account, {} filled in."""
    return [(i, system, text.format(fill)) for i, fill in enumerate(fills)]


def test_shared_words_stay_and_slots_go() -> None:
    """
    What all accounts share is shown in order, what differs is an ellipsis.
    """
    told = sketch(sample("Please grade this essay: {} Give a mark.", ["cats are nice", "dogs bark", "rain fell"]), 3)

    assert told == "please grade this essay … give a mark"


def test_too_few_accounts_show_nothing() -> None:
    """
    The same account many times is one account.
    """
    texts = [("one account", None, "the very same words every time")] * 50

    assert sketch(texts, 2) is None
    assert sketch([], 1) is None


def test_nothing_shared_shows_nothing() -> None:
    """
    Accounts with no run of words in common have no sketch.
    """
    assert sketch([(1, None, "alpha beta gamma"), (2, None, "delta epsilon zeta"), (3, None, None)], 2) is None


def test_numbers_addresses_and_links_are_taken_out() -> None:
    """
    Even where all accounts share them.
    """
    text = "Write to ann@example.org or see https://example.org/a?b=1 or call +41 79 123 45 67 about case 4711 today please"

    told = sketch(sample(text, ["", "", ""]), 3)

    assert told is not None
    assert "‹address›" in told
    assert "‹link›" in told
    assert not any(c.isdigit() for c in told)
    assert "example" not in told


def test_a_run_is_shown_only_whole() -> None:
    """
    Three-word pieces that enough accounts share never spell a longer text that only one account sent.
    """
    secret = "alpha beta gamma delta epsilon"
    pieces = ["alpha beta gamma", "beta gamma delta", "gamma delta epsilon"]
    texts: list[tuple[object, str | None, str | None]] = [("victim", None, secret)]
    texts += [(f"{p}{i}", None, p) for p in pieces for i in range(3)]

    told = sketch(texts, 3)

    assert told is not None
    assert "gamma delta epsilon" not in told or "alpha" not in told
    assert secret not in told


def test_system_prompt_and_turn_do_not_run_together() -> None:
    """
    A run never crosses from one text into the other.
    """
    told = sketch(sample("{} now begin your work here", ["", "", ""], system="you are a strict judge"), 3)

    assert told == "you are a strict judge … now begin your work here"


def test_scripts_without_spaces_are_cut_by_character() -> None:
    """
    A Chinese template shows its fixed part only.
    """
    assert sketch(sample("请把这句话翻译成英文：{}", ["你好吗", "天气真好", "我饿了"]), 3) == "请把这句话翻译成英文 …"


def test_length_is_bounded() -> None:
    """
    A long shared prompt is cut.
    """
    told = sketch(sample(" ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(500)), ["", "", ""]), 3)

    assert told is not None
    assert len(told.split()) == MAX_WORDS + 1
    assert told.endswith("…")


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_sample_changes_nothing(seed: int) -> None:
    """
    The same exchanges in another order give the same sketch.
    """
    texts = sample("Summarise {} for a child in one line", ["the war", "a long book", "rain", "this page of text"])
    shuffled = texts.copy()
    random.Random(seed).shuffle(shuffled)

    assert sketch(shuffled, 3) == sketch(texts, 3)
