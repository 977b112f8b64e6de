"""The contract of a writer."""

import pyarrow as pa

from stillwatch.worlds.writing import Written


def test_what_is_not_written_is_absent() -> None:
    """A writer that knows of no answer, tools or end user leaves them out."""
    told = Written(pa.array(["p"]), pa.array([None], pa.string()))

    assert (told.response, told.tools, told.end_user) == (None, None, None)
