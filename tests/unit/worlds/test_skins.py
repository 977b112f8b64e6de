"""Conversations in other names."""

from pathlib import Path

import numpy as np
from tests.planting import a_source

from stillwatch.worlds.corpora import load
from stillwatch.worlds.skins import N_SKINS, Skins, item_of, row_and_skin


def test_skin_zero_is_the_original(corpus_folder: Path) -> None:
    """To the byte."""
    known = load(corpus_folder).conversations
    rows = np.arange(len(known.texts))

    assert Skins(known).text(rows, rows * 0).to_pylist() == known.texts.prompts.to_pylist()


def test_a_skin_renames_rare_words_alike(corpus_folder: Path) -> None:
    """Words of one conversation get new names, the same ones in all its turns; common words stay."""
    known = load(corpus_folder).conversations
    skins = Skins(known)
    rows = np.arange(known.starts[3], known.starts[4])

    dressed = skins.text(rows, np.full(len(rows), 2)).to_pylist()

    assert all(t.startswith("Tell me about plumbing and my project ") for t in dressed)
    assert len({t.split(" turn ")[0] for t in dressed}) == 1


def test_rare_words_change_and_keep_their_capitals(tmp_path: Path) -> None:
    """A word of one conversation is another one in every skin."""
    talk = [{"prompt": "Ask Zanzibar or ZANZI today", "conversation_id": "a", "turn": 0, "task": "chat"}]
    talk += [{"prompt": "Ask them or us today", "conversation_id": f"b{i}", "turn": 0, "task": "chat"} for i in range(9)]
    a_source(tmp_path, "human", "talk", talk)
    a_source(tmp_path, "harvest", "open", [{"prompt": "x", "task": "t"}])
    skins = Skins(load(tmp_path).conversations)

    texts = skins.text(np.zeros(N_SKINS, np.int64), np.arange(N_SKINS)).to_pylist()
    words = [t.split() for t in texts]

    assert all((w[0], w[2], w[4]) == ("Ask", "or", "today") for w in words)
    assert len({w[1] for w in words}) == N_SKINS
    assert all(w[1].istitle() and w[3].isupper() for w in words)


def test_fairly_rare_words_trade_places(tmp_path: Path) -> None:
    """Each comes as often as before, in another's place, the same one for all capitals; nothing of another script comes in."""
    rows = []
    for i in range(2_000):
        extra = (
            ["Alpha", "alpha", "bravo", "Gamma", "delta"][i % 5] if i < 40 else ["Собака", "кошка"][i % 2] if i < 60 else "plain"
        )
        rows.append({"prompt": f"Ask {extra} today", "conversation_id": f"{i:04d}", "turn": 0, "task": "chat"})
    a_source(tmp_path, "human", "talk", rows)
    a_source(tmp_path, "harvest", "open", [{"prompt": "x", "task": "t"}])
    skins = Skins(load(tmp_path).conversations)
    at = np.arange(60)

    before, after = (skins.text(at, at * 0 + skin).to_pylist() for skin in (0, 1))
    pairs = {(b.split()[1].lower(), a.split()[1].lower()) for b, a in zip(before, after, strict=True)}

    assert len(pairs) == 6
    assert {b for b, _ in pairs} == {a for _, a in pairs}
    assert all(b.isascii() == a.isascii() for b, a in pairs)
    assert all(a != b for b, a in pairs if b not in ("alpha",))
    assert [b.split()[1][0].isupper() for b in before] == [a.split()[1][0].isupper() for a in after]
    assert skins.text(np.arange(60, 70), np.ones(10, np.int64)).to_pylist() == ["Ask plain today"] * 10


def test_items_carry_row_and_skin() -> None:
    """Both come back."""
    rows, skins = np.array([0, 5, 2**31]), np.array([0, 3, N_SKINS - 1])

    back = row_and_skin(item_of(rows, skins))

    assert back[0].tolist() == rows.tolist()
    assert back[1].tolist() == skins.tolist()
