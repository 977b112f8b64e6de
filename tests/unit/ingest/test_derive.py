"""What columns say of each other."""

import pyarrow as pa

from stillwatch.ingest import derive
from stillwatch.records.tables import MESSAGE


def turns(*rows: list[tuple[str, str]] | None) -> pa.Array:
    given = [None if r is None else [{"role": role, "content": content} for role, content in r] for r in rows]
    return pa.array(given, pa.list_(MESSAGE))


def nulls(n: int) -> pa.Array:
    return pa.nulls(n, pa.string())


def test_the_prompt_is_the_newest_user_turn_and_the_system_prompt_the_first_system_turn() -> None:
    """
    Each is looked for in its own row only.
    """
    messages = turns(
        [("system", "s"), ("user", "old"), ("assistant", "a"), ("user", "new")],
        None,
        [("assistant", "a")],
        [],
        [("developer", "d"), ("system", "later"), ("user", "")],
        [("user", "last")],
    )

    prompt, system = derive.prompts(messages, nulls(6), nulls(6))

    assert prompt.to_pylist() == ["new", None, None, None, None, "last"]
    assert system.to_pylist() == ["s", None, None, None, "d", None]


def test_what_the_log_says_itself_is_not_overruled() -> None:
    """
    Only nulls are filled.
    """
    messages = turns([("system", "s"), ("user", "u")])

    prompt, system = derive.prompts(messages, pa.array(["own"]), pa.array(["own"]))

    assert (prompt.to_pylist(), system.to_pylist()) == (["own"], ["own"])


def test_a_slice_of_messages_is_its_own_rows() -> None:
    """
    Offsets that do not begin at 0 are no trouble.
    """
    messages = turns([("user", "a")], [("user", "b")], [("system", "s")])[1:]

    prompt, system = derive.prompts(messages, nulls(2), nulls(2))

    assert prompt.to_pylist() == ["b", None]
    assert system.to_pylist() == [None, "s"]


def test_without_messages_nothing_is_derived() -> None:
    """
    All-null messages leave the columns as they are.
    """
    prompt, system = derive.prompts(turns(None, None), nulls(2), nulls(2))

    assert prompt.null_count == system.null_count == 2


def test_mending_keeps_nulls_and_other_types() -> None:
    """
    Null rows of broken lists stay null; numbers are not touched.
    """
    broken = pa.array([b"a\xff", b"b"], pa.large_binary())
    text = pa.Array.from_buffers(pa.large_string(), 2, broken.buffers())
    small = derive.mended(text)[0]
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 1, 2], pa.int32()), small, mask=pa.array([False, True, False]))

    whole, touched = derive.mended(lists)

    assert whole.to_pylist() == [["a\ufffd"], None, ["b"]]
    assert touched.tolist() == [False, False, False]
    assert derive.mended(pa.array([1, 2]))[0].to_pylist() == [1, 2]
