"""A file that is there whole or not at all."""

from pathlib import Path

import pytest

from stillwatch.records.whole import whole


def test_what_is_written_takes_the_targets_place(tmp_path: Path) -> None:
    """The old content until the end, the new one after it, nothing beside it."""
    target = tmp_path / "results.json"
    target.write_text("old")

    with whole(target) as beside:
        beside.write_text("new")
        assert target.read_text() == "old"

    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    """A full disk and Ctrl-C in the middle: the old file, and nothing beside it."""
    target = tmp_path / "results.json"
    target.write_text("old")

    def fail() -> None:
        with whole(target) as beside:
            beside.write_text("half")
            raise error

    with pytest.raises(error):
        fail()

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
