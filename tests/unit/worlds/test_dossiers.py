"""Longer requests."""

from stillwatch.worlds.dossiers import BLOB_CHARS, blobs
from stillwatch.worlds.hashing import mix


def test_blobs_are_opaque_and_follow_their_seed() -> None:
    """All of one length, no two alike."""
    told = blobs(mix(1, list(range(200)))).to_pylist()

    assert len(set(told)) == 200
    assert {len(b) for b in told} == {BLOB_CHARS}
    assert told == blobs(mix(1, list(range(200)))).to_pylist()
