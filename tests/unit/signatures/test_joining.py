"""What two texts give together."""

import numpy as np
import pyarrow as pa

from stillwatch.privacy import Key
from stillwatch.signatures.build import scanner_of
from stillwatch.signatures.joining import Room, join
from stillwatch.signatures.scan import Scanned
from stillwatch.signatures.texts import scan_column

SCANNER = scanner_of(Key(b"k" * 32))


def test_room_that_was_used_before_changes_nothing() -> None:
    """
    What an earlier batch left in the room is in no later signature, and rows without text have no values.
    """
    room, biases = Room.of(3), np.zeros(5)
    told = []
    for texts in (["long before that " * 40, "other words than now", "x"], ["be brief", None, "count to ten"]):
        scanned = scan_column(SCANNER, pa.array(texts, pa.string()), 32, room=room.scanned)
        rows = np.array([-1 if t is None else i for i, t in enumerate(texts)])
        none, tools = np.full(3, -1), np.zeros(3, np.uint64)
        told.append(join(SCANNER, scanned, Scanned.empty(0), rows, none, tools, biases, 1.0, room))

    fresh = scan_column(SCANNER, pa.array(["be brief", None, "count to ten"]), 32)
    last = told[-1]
    for i in (0, 2):
        assert last.tokens.values[last.tokens.starts[i] : last.tokens.starts[i + 1]].tolist() == sorted(
            fresh.tokens[i, : fresh.n_tokens[i]].tolist()
        )
    assert last.has_text.tolist() == [True, False, True]
    assert last.fragments.starts[1] == last.fragments.starts[2]
