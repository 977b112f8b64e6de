"""What is put to models."""

from stillwatch.lineage import probes


def test_probes_are_distinct_and_stand_between_the_same_words() -> None:
    """No kind or text is there twice, and template or trimming cannot touch a body."""
    texts = [probes.wrapped(text) for _, text in probes.PROBES]

    assert len({kind for kind, _ in probes.PROBES}) == len(set(texts)) == len(probes.PROBES)
    assert all(t.startswith("Read this:\n") and t.endswith("\nDone") for t in texts)
    assert all((text[0].isalnum() and text[-1].isalnum()) or text[-1] == "्" for _, text in probes.PROBES if text.isascii())
    assert probes.PROBES[0][0] == probes.BASELINE


def test_the_digest_names_the_probes() -> None:
    """The panel of counts that is shipped is for these."""
    assert len(probes.digest()) == 12


def test_questions_differ_from_their_neighbours() -> None:
    """192 distinct questions; the first 24 already use every task and most topics."""
    asked = probes.questions()

    assert len(set(asked)) == len(asked) == 192
    assert len({q.split()[0] for q in asked[:24]}) >= 5
    assert "{}" not in "".join(asked)
