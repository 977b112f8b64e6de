"""
Blocks of request and response bodies read at once, through Arrow, where all of a block's lines have the plain shape.

A Python object a line costs five times as much as all that is made of it. So the plain shape, OpenAI's chat completions with
strings for contents, is declared to Arrow's reader, every name that the forgiving reader would look at among it: names that
hold what only that one understands are declared as null, so that Arrow refuses a block in which they hold anything. What is
accepted is therefore what the forgiving reader would give; what is refused goes there line by line.
"""

import re
from collections.abc import Mapping
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from stillwatch.errors import BadLineError
from stillwatch.ingest.answers import error_status
from stillwatch.ingest.conform import Conformed, conform
from stillwatch.ingest.files import Block
from stillwatch.ingest.objects import lines_of, objects_of
from stillwatch.ingest.requests import SYSTEM_ROLES
from stillwatch.records.tables import MESSAGE

Columns = dict[str, pa.Array]

TEXT, WHOLE, NUMBER, TRUTH, NOTHING = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.null()


def fields(kinds: Mapping[str, pa.DataType]) -> pa.DataType:
    """The type of an object."""
    return pa.struct(list(kinds.items()))


TURNS = pa.list_(
    fields(
        {"role": TEXT, "content": TEXT}
        | dict.fromkeys(("type", "tool_calls", "reasoning_details"), NOTHING)
        | dict.fromkeys(("signature", "encrypted_content", "thought_signature", "thoughtSignature"), NOTHING)
    )
)
TOOLS = pa.list_(fields({"name": TEXT, "type": TEXT, "function": fields({"name": TEXT})}))
_CHOICE = fields(
    {
        "finish_reason": TEXT,
        "text": NOTHING,
        "message": fields({"content": TEXT, "refusal": NOTHING, "tool_calls": NOTHING}),
    }
)
_USAGE = fields(
    {"prompt_tokens": WHOLE, "completion_tokens": WHOLE, "completion_tokens_details": fields({"reasoning_tokens": WHOLE})}
    | dict.fromkeys(("input_tokens", "output_tokens", "output_tokens_details"), NOTHING)
    | dict.fromkeys(("cache_creation_input_tokens", "cache_read_input_tokens"), NOTHING)
)
_ERROR = fields({"type": TEXT, "code": TEXT, "status": NOTHING, "status_code": NOTHING})
ANSWER = fields(
    {"id": TEXT, "model": TEXT, "choices": pa.list_(_CHOICE), "usage": _USAGE, "error": _ERROR}
    | dict.fromkeys(("body", "output", "content", "status", "status_code", "incomplete_details"), NOTHING)
)
_SAMPLED = 16  # lines of a block that say of what types its values are
_NAMED_NULL = re.compile(rb'"(?:output|content)"\s*:\s*null')  # there and null is not the same as absent


def table_of(block: Block, schema: pa.Schema) -> pa.Table | None:
    """The lines of a block, one a row; None where they do not all fit, or are not one object each."""
    data = block.data
    n_lines = block.n_newlines + (not data.endswith(b"\n"))
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        table = pj.read_json(pa.BufferReader(data), pj.ReadOptions(use_threads=False, block_size=len(data) + 1), options)
    except pa.ArrowInvalid:
        return None
    if table.num_rows != n_lines:
        return None  # blank lines, several objects on one, or one object on several: each line must be looked at
    return table


def kinds_of(data: bytes) -> dict[str, frozenset[type]]:
    """Names of the first lines' objects, each with the types of what it holds but null; nothing where a line is no object."""
    used: dict[str, frozenset[type]] = {}
    for _, line in islice(lines_of(data[: 1 << 18]), _SAMPLED):
        try:
            (item,) = objects_of(line)
        except (BadLineError, ValueError):
            return {}
        for name, value in item.fields.items():
            used[name] = used.get(name, frozenset()) | ({type(value)} - {type(None)})
    return used


def at(holder: pa.Array, *names: str) -> pa.Array:
    """What lies below the names; null where anything on the way is."""
    return pc.struct_field(holder, list(names))


def filled(array: pa.Array) -> pa.Array:
    """Strings with nothing in them are null."""
    return pc.if_else(pc.equal(pc.binary_length(array), 0), pa.scalar(None, TEXT), array)


def read_turns(given: pa.Array) -> Columns | None:
    """`messages` and `system_prompt`, as `requests.read_turns` gives them; None where a turn is not plain."""
    turns, starts = given.values, given.offsets.to_numpy().astype(np.int64)
    turns, starts = turns.slice(starts[0], starts[-1] - starts[0]), starts - starts[0]
    contents = at(turns, "content")
    if given.null_count or turns.null_count or contents.null_count:
        return None
    roles = pc.fill_null(at(turns, "role"), "assistant")
    systems = pc.is_in(roles, pa.array(sorted(SYSTEM_ROLES))).to_numpy(zero_copy_only=False)
    sizes = np.diff(starts)
    leads = np.zeros(len(given), bool)
    leads[sizes > 0] = systems[starts[:-1][sizes > 0]]
    seconds = starts[:-1][leads & (sizes > 1)] + 1
    if systems[seconds].any():
        return None
    system = contents.take(pa.array(np.where(leads, starts[:-1], 0), mask=~leads))
    if leads.any():
        kept = np.ones(len(turns), bool)
        kept[starts[:-1][leads]] = False
        roles, contents = roles.filter(pa.array(kept)), contents.filter(pa.array(kept))
        starts = np.concatenate([[0], np.cumsum(sizes - leads)])
    told = pa.StructArray.from_arrays([roles, contents], fields=list(MESSAGE))
    offsets = pa.array(starts.astype(np.int32))
    return {"messages": pa.ListArray.from_arrays(offsets, told, type=pa.list_(MESSAGE)), "system_prompt": filled(system)}


def read_tools(given: pa.Array, *, keep_empty: bool = False) -> pa.Array | None:
    """Names of tools, as `cells.names` gives them, null for an empty list if that is not kept; None where a tool has no name."""
    named = at(given.values, "name")
    names = pc.coalesce(filled(named), filled(at(given.values, "function", "name")), at(given.values, "type"))
    sizes = pc.fill_null(pc.list_value_length(given), 0).to_numpy(zero_copy_only=False)
    inside = names.slice(given.offsets[0].as_py(), given.offsets[-1].as_py() - given.offsets[0].as_py())
    if inside.null_count or len(inside) != sizes.sum():
        return None
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    absent = given.is_null() if keep_empty else pa.array(sizes == 0)
    return pa.ListArray.from_arrays(pa.array(offsets), inside, mask=absent)


def read_answers(given: pa.Array, data: bytes) -> Columns | None:
    """
    What `answers.read_answer` tells of each answer, by its names; None where an answer is not plain.

    Args:
        given: (n,) of the type ANSWER.
        data: The text they were read from.
    """
    choices = at(given, "choices")
    sizes = pc.fill_null(pc.list_value_length(choices), 0).to_numpy(zero_copy_only=False)
    one = sizes == 1
    if sizes.max(initial=0) > 1 or (not one.all() and _NAMED_NULL.search(data)):
        return None
    starts = choices.offsets.to_numpy()[:-1]
    first = choices.values.take(pa.array(np.where(one, starts, 0), mask=~one))
    if first.null_count != (~one).sum():
        return None
    spoken = pc.fill_null(at(first, "message", "content"), "")
    error = at(given, "error")
    failed = np.flatnonzero(error.is_valid().to_numpy(zero_copy_only=False))
    statuses: list[int | None] = [None] * len(given)
    for row in failed:
        statuses[row] = error_status({"error": error[int(row)].as_py()})
    return {
        "answer_id": filled(at(given, "id")),
        "model": filled(at(given, "model")),
        "response": pc.if_else(pa.array(one), spoken, pa.scalar(None, TEXT)),
        "finish_reason": at(first, "finish_reason"),
        "prompt_tokens": at(given, "usage", "prompt_tokens"),
        "completion_tokens": at(given, "usage", "completion_tokens"),
        "reasoning_tokens": at(given, "usage", "completion_tokens_details", "reasoning_tokens"),
        "error_status": pa.array(statuses, WHOLE),
    }


def conformed(columns: Columns, n: int, time_format: str | None) -> Conformed | None:
    """The rows that the columns make; None where one of them is bad, or was mended: each such line must be looked at."""
    done = conform(columns, n, time_format)
    return done if done.kept.all() and not done.n_mended else None


def unlike(served: pa.Array, asked: pa.Array) -> pa.Array:
    """The model that answered, where it is another than the one that was asked for."""
    return pc.if_else(pc.fill_null(pc.equal(served, asked), False), pa.scalar(None, TEXT), served)
