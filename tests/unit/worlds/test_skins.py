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


def test_items_carry_row_and_skin() -> None:
    """Both come back."""
    rows, skins = np.array([0, 5, 2**31]), np.array([0, 3, N_SKINS - 1])

    back = row_and_skin(item_of(rows, skins))

    assert back[0].tolist() == rows.tolist()
    assert back[1].tolist() == skins.tolist()
