"""An order in which neighbours have words in common."""

from pathlib import Path

import numpy as np

from stillwatch.worlds.corpora import Conversations, load
from stillwatch.worlds.relatedness import related_order


def test_neighbours_are_about_the_same(corpus_folder: Path) -> None:
    """Far more neighbours share their topic than in any order."""
    known = load(corpus_folder).conversations
    prompts = known.texts.prompts.to_pylist()
    topic = np.array([prompts[s].split()[3] for s in known.starts[:-1]])

    order = related_order(known)

    assert sorted(order.tolist()) == list(range(120))
    assert (topic[order][1:] == topic[order][:-1]).mean() > 0.6
    assert (topic[1:] == topic[:-1]).mean() < 0.3


def test_the_order_is_the_same_every_time(corpus_folder: Path) -> None:
    """Nothing is left to chance."""
    known = load(corpus_folder).conversations

    assert related_order(known).tolist() == related_order(known).tolist()


def test_few_conversations_stay_as_they_are(corpus_folder: Path) -> None:
    """Too few to find directions in."""
    known = load(corpus_folder).conversations
    few = Conversations(known.texts.take(np.arange(int(known.starts[10]))), known.starts[:11])

    assert related_order(few).tolist() == list(range(10))
