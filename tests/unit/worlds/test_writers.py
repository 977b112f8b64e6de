"""The writers."""

import numpy as np
import pyarrow as pa
from tests.planting import some_people, some_rows

from stillwatch.worlds.build import grammar
from stillwatch.worlds.hashing import mix
from stillwatch.worlds.lexicon import LANGUAGES
from stillwatch.worlds.writers import (
    OWN_SYSTEM_SHARE,
    Assignment,
    Bare,
    Chat,
    Fixed,
    Framed,
    Gateway,
    account_seed,
    language_of,
    own_context,
    rules,
    sentences,
)
from stillwatch.worlds.writing import Rows

PEOPLE = some_people(400)


def test_languages_come_by_their_shares() -> None:
    """To within a percent or two, over many seeds."""
    counts = np.bincount(language_of(mix(1, np.arange(20_000))), minlength=len(LANGUAGES)) / 20_000

    assert np.abs(counts - [language.share for language in LANGUAGES]).max() < 0.015


def test_an_account_keeps_to_few_topics_and_names() -> None:
    """Three topics, one language, eight names of its own that come back; others are widely known, others come once."""
    about = own_context(np.repeat(mix(5), 2_000), mix(6, np.arange(2_000)))
    names, counts = np.unique(np.concatenate([about.first, about.second]), return_counts=True)
    others = own_context(np.repeat(mix(9), 2_000), mix(8, np.arange(2_000)))
    shared = np.isin(names, np.concatenate([others.first, others.second]))

    assert len(set(about.topic.tolist())) <= 3
    assert len(set(about.language.tolist())) == 1
    assert (counts[~shared] > 40).sum() == 8
    assert 0.15 < counts[~shared & (counts > 40)].sum() / 4_000 < 0.25
    assert counts[shared].sum() / 4_000 > 0.35


def test_resellers_change_with_the_conversation() -> None:
    """What an account is about is its own, or its customer's of the moment."""
    people = some_people(2)
    people.one_customer[:] = [True, False]
    rows = Rows(np.array([0, 0, 1, 1]), np.zeros(4, np.uint64), np.arange(4, dtype=np.uint64), np.zeros(4, np.int64))

    seeds = account_seed(people, rows)

    assert seeds[0] == seeds[1]
    assert seeds[2] != seeds[3]


def test_sentences_are_geometric_and_bounded() -> None:
    """The mean is about what is asked for."""
    n = sentences(mix(7, np.arange(20_000)), 2.5)

    assert n.min() == 1
    assert n.max() == 12
    assert abs(n.mean() - 2.5) < 0.1


def test_some_accounts_have_a_system_prompt_of_their_own() -> None:
    """Always the same one, and different from the others'."""
    rows = some_rows(1_200, accounts=400)
    systems = Chat().write(grammar(), PEOPLE, rows).system.to_pylist()
    own = [set(systems[a::400]) for a in range(400)]

    assert all(len(s) == 1 for s in own)
    have = [next(iter(s)) for s in own if s != {None}]
    assert abs(len(have) / 400 - OWN_SYSTEM_SHARE) < 0.06
    assert len(set(have)) > 0.95 * len(have)


def test_a_template_goes_around_or_beside() -> None:
    """In the prompt, or as system prompt with the body alone as prompt."""
    heads, body = pa.array(["HEAD"]), Fixed(pa.array(["body"]))
    rows = some_rows(1)

    around = Framed(heads, body).write(grammar(), PEOPLE, rows)
    beside = Framed(heads, body, in_system=True, tools=2).write(grammar(), PEOPLE, rows)

    assert (around.prompt.to_pylist(), around.system.to_pylist()) == (["HEAD\n\nbody"], [None])
    assert (beside.prompt.to_pylist(), beside.system.to_pylist()) == (["body"], ["HEAD"])
    assert beside.tools is not None
    assert beside.tools.tolist() == [2]


def test_end_users_keep_to_their_business() -> None:
    """The low bits of an item name the end user; the same user has the same id on one key."""
    item = np.array([5, 5 | (1 << 30), 6], np.uint64)
    rows = Rows(np.zeros(3, np.int64), item, np.arange(3, dtype=np.uint64), np.zeros(3, np.int64))

    users = Gateway().write(grammar(), PEOPLE, rows).end_user

    assert users is not None
    assert users[0] == users[1] != users[2]


def test_assignments_are_copied_amended_or_asked_about() -> None:
    """By their shares; the bits on top choose the assignment."""
    rows = some_rows(2_000)
    rows = Rows(rows.account, rows.item | np.uint64(1 << 56), rows.conversation, rows.turn)
    prompts = Assignment(pa.array(["first", "second"]), Chat(), 0.5, 0.25).write(grammar(), PEOPLE, rows).prompt.to_pylist()

    assert 900 < sum(p == "second" for p in prompts) < 1_100
    assert 420 < sum(p.startswith("second ") for p in prompts) < 580
    assert not any(p.startswith("first") for p in prompts)


def test_items_of_a_pool_do_not_depend_on_who_sends_them() -> None:
    """The same item, the same text; all items differ; a language may be set."""
    rows = some_rows(3_000, accounts=3)
    others = Rows(rows.account[::-1].copy(), rows.item, rows.conversation, rows.turn)

    texts = Bare(language=0).write(grammar(), PEOPLE, rows).prompt.to_pylist()

    assert Bare(language=0).write(grammar(), PEOPLE, others).prompt.to_pylist() == texts
    assert len(set(texts)) == 3_000
    assert all(t.isascii() for t in texts)
    assert not all(t.isascii() for t in Bare().write(grammar(), PEOPLE, rows).prompt.to_pylist())


def test_fixed_texts_come_with_what_belongs_to_them() -> None:
    """System prompts and answers at the same places, null where there are none."""
    rows = some_rows(2)
    bare = Fixed(pa.array(["a", "b"])).write(grammar(), PEOPLE, rows)
    whole = Fixed(pa.array(["a", "b"]), pa.array(["s", None]), pa.array([None, "r"])).write(grammar(), PEOPLE, rows)

    assert (bare.prompt.to_pylist(), bare.system.to_pylist(), bare.response) == (["a", "b"], [None, None], None)
    assert whole.system.to_pylist() == ["s", None]
    assert whole.response is not None
    assert whole.response.to_pylist() == [None, "r"]


def test_rules_may_all_be_in_one_language() -> None:
    """By default each has the language of its seed."""
    seeds = mix(3, np.arange(60))

    assert all(t.isascii() for t in rules(grammar(), seeds, 3.0, np.zeros(60, np.int64)).to_pylist())
    assert not all(t.isascii() for t in rules(grammar(), seeds, 3.0).to_pylist())
