"""A file that is there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """
    A path beside the target to write to; it takes the target's place at the end, and is gone where something fails.

    The name holds the process, so that two which write the same file do not meet, and ends in `.tmp`: after a killed process
    it may be left, and whoever owns the folder may remove it.

    Args:
        target: Replaced if it is there.
    """
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
