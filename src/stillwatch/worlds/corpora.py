"""
Real text for worlds: a folder of prompt sources, read once, in halves that share no text.

The folder is `prompts/KIND/SOURCE.parquet` with the columns `source, kind, task, system_prompt, prompt, conversation_id, turn`,
KIND one of human, automated, harvest, and `system_prompts.parquet` with `source, text`. What a source is good for is read off
its columns, never off its name, so another folder of the same form works as well.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import SettingsError

I64 = npt.NDArray[np.int64]

SHORT_CHARS = 160  # median below it: utterances; above: prompts that people pass on
TEMPLATED_SHARE = 0.5  # of a source's prompts that begin as at least 20 others do
_BEGIN = 24  # characters that tell a template
_ELICITING = {"cot": "reasoning", "grade": "rubric", "judge": "rubric"}
_BATCH_TASKS = ("batch", "p3")
_AGENT_TASKS = ("agent",)
_COLUMNS = ["source", "task", "system_prompt", "prompt", "conversation_id", "turn", "response"]


@dataclass(frozen=True)
class Texts:
    """Prompts of one source or task, with system prompts and answers where it has them."""

    name: str
    prompts: pa.Array
    systems: pa.Array
    responses: pa.Array

    def __len__(self) -> int:
        return len(self.prompts)

    def take(self, rows: I64) -> "Texts":
        """Some of them."""
        at = pa.array(rows)
        return Texts(self.name, self.prompts.take(at), self.systems.take(at), self.responses.take(at))


@dataclass(frozen=True)
class Conversations:
    """
    What people wrote, turn by turn.

    Args:
        texts: Newest turns, conversation after conversation.
        starts: (n + 1,) first row of each conversation.
    """

    texts: Texts
    starts: I64

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True)
class Corpora:
    """
    All real text that a world may use.

    Args:
        folder: Where it was read.
        half: "A", "B" or None.
        conversations: Of people.
        utterances: Short single requests of people.
        passed_on: Longer prompts that people share: role prompts and such.
        benchmarks, batches: Automated traffic, one entry a task.
        plain: Harvested instructions without a template, one entry a source.
        assembled: Harvested prompts with a template, by what they want: "templated", "reasoning", "rubric".
        instructions: System prompts of published programs: those of agents, and those of pipelines that make training data.
    """

    folder: Path
    half: str | None
    conversations: Conversations
    utterances: pa.Array
    passed_on: pa.Array
    benchmarks: tuple[Texts, ...]
    batches: tuple[Texts, ...]
    plain: tuple[Texts, ...]
    assembled: dict[str, tuple[Texts, ...]]
    agent_instructions: pa.Array
    pipeline_instructions: pa.Array


def load(folder: Path, half: str | None = None) -> Corpora:
    """
    Read a folder of sources.

    People's text is halved by conversation (what is in A in words of some length is not in B), automated traffic by task,
    harvested prompts one by one, and by source where they carry a template, so that none is on both sides.

    Raises:
        SettingsError: the folder has no prompts, or `half` is neither A nor B.
    """
    if half not in (None, "A", "B"):
        raise SettingsError(f"corpus half must be A or B, not {half}")
    sources = {kind: list(_sources(folder, kind)) for kind in ("human", "automated", "harvest")}
    if not sources["human"] or not sources["harvest"]:
        raise SettingsError(
            f"{folder}: no prompts/human and prompts/harvest with Parquet files. Point --corpus at a folder of that form"
        )
    chats = [s for s in sources["human"] if s["conversation_id"].null_count < s.num_rows]
    if not chats:
        raise SettingsError(
            f"{folder}: none of prompts/human has a conversation_id, and accounts are dealt conversations. Add one that has"
        )
    singles = [s for s in sources["human"] if s["conversation_id"].null_count == s.num_rows]
    short = [s for s in singles if _median_chars(s) < SHORT_CHARS]
    longer = [s for s in singles if _median_chars(s) >= SHORT_CHARS]
    automated = [t for s in sources["automated"] for t in _by_task(s) if _mine(t.name, half)]
    agents, pipelines = _instructions(folder, half)
    plain, assembled = _harvests(sources["harvest"], half)
    return Corpora(
        folder,
        half,
        _conversations(chats, half),
        _singles(short, half),
        _singles(longer, half),
        tuple(t for t in automated if _task(t) not in _BATCH_TASKS + _AGENT_TASKS),
        tuple(t for t in automated if _task(t) in _BATCH_TASKS),
        plain,
        assembled,
        agents,
        pipelines,
    )


def side(text: str) -> str:
    """The half that a name or text belongs to."""
    return "AB"[hashlib.sha256(text.encode()).digest()[0] & 1]


def _mine(text: str, half: str | None) -> bool:
    return half is None or side(text) == half


def _sources(folder: Path, kind: str) -> Iterator[pa.Table]:
    for path in sorted((folder / "prompts" / kind).glob("*.parquet")):
        table = pq.read_table(path)
        table = table.select([c for c in _COLUMNS if c in table.column_names])
        for name in _COLUMNS:
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows, pa.int32() if name == "turn" else pa.string()))
        yield table.filter(pc.greater(pc.utf8_length(pc.fill_null(table["prompt"], "")), 0)).combine_chunks()


def _texts(name: str, table: pa.Table) -> Texts:
    return Texts(name, *(_whole(table[c]) for c in ("prompt", "system_prompt", "response")))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    plain = column.cast(pa.string())
    return plain.combine_chunks() if plain.num_chunks else pa.array([], pa.string())


def _median_chars(table: pa.Table) -> float:
    return float(np.median(pc.utf8_length(table["prompt"]).to_numpy()))


def _distinct(table: pa.Table) -> pa.Table:
    """The first row of each distinct pair of system prompt and prompt."""
    keys = pc.binary_join_element_wise(pc.fill_null(table["system_prompt"], ""), table["prompt"], "\x00").to_pylist()
    seen: dict[str, int] = {}
    for row, key in enumerate(keys):
        seen.setdefault(key, row)
    return table.take(pa.array(list(seen.values()), pa.int64()))


def _conversations(tables: list[pa.Table], half: str | None) -> Conversations:
    whole = pa.concat_tables(t.select(["prompt", "system_prompt", "response", "conversation_id", "turn"]) for t in tables)
    whole = whole.filter(pc.is_valid(whole["conversation_id"])).sort_by([("conversation_id", "ascending"), ("turn", "ascending")])
    ids = whole["conversation_id"].to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else np.zeros(0, np.int64)
    bounds = np.append(starts, len(ids))
    if half is not None:
        kept = _halved(_whole(whole["prompt"]).to_pylist(), bounds, half)
        rows = np.concatenate([np.arange(bounds[i], bounds[i + 1]) for i in kept]) if len(kept) else np.zeros(0, np.int64)
        whole = whole.take(pa.array(rows))
        bounds = np.append(0, np.cumsum(np.diff(bounds)[kept]))
    return Conversations(_texts("human", whole), bounds)


def _halved(prompts: list[str], bounds: I64, half: str) -> I64:
    """Conversations of a half; those of B that repeat a longer prompt of A belong to neither."""
    sides = [side(prompts[b]) for b in bounds[:-1]]
    taken = {p for i, s in enumerate(sides) if s == "A" for p in prompts[bounds[i] : bounds[i + 1]] if len(p) >= 40}
    if half == "A":
        return np.flatnonzero([s == "A" for s in sides])
    return np.flatnonzero([s == "B" and taken.isdisjoint(prompts[bounds[i] : bounds[i + 1]]) for i, s in enumerate(sides)])


def _singles(tables: list[pa.Table], half: str | None) -> pa.Array:
    known = dict.fromkeys(p for t in tables for p in t["prompt"].to_pylist())
    return pa.array([p for p in known if _mine(p, half)], pa.string())


def _by_task(table: pa.Table) -> Iterator[Texts]:
    """One entry a task; a task's suffix after ':' counts only where it has at least 40 prompts."""
    table = _distinct(table)
    tasks = table["task"].to_pylist()
    sizes: dict[str, list[int]] = {}
    for row, task in enumerate(tasks):
        sizes.setdefault(task, []).append(row)
    source = str(table["source"][0]) if table.num_rows else ""
    rest = [row for rows in sizes.values() if len(rows) < 40 for row in rows]
    for task, rows in sizes.items():
        if len(rows) >= 40:
            yield _texts(f"{source}/{task}", table.take(pa.array(rows)))
    if rest:
        yield _texts(f"{source}/{tasks[rest[0]].split(':')[0]}", table.take(pa.array(sorted(rest))))


def _task(texts: Texts) -> str:
    return texts.name.split("/", 1)[1].split(":")[0]


def _harvests(tables: list[pa.Table], half: str | None) -> tuple[tuple[Texts, ...], dict[str, tuple[Texts, ...]]]:
    kinds: dict[str, list[Texts]] = {"plain": [], "templated": [], "reasoning": [], "rubric": []}
    for table in tables:
        distinct = _distinct(table)
        kinds[_wants(distinct)].append(_texts(str(table["source"][0]), distinct))
    if half is not None:
        kinds = {k: [_rows(s, half) for s in v] if k == "plain" else _alternate(v, half) for k, v in kinds.items()}
    return tuple(kinds.pop("plain")), {k: tuple(v) for k, v in kinds.items()}


def _wants(table: pa.Table) -> str:
    """What a harvested source is after, from its tasks and from how its prompts begin."""
    task = str(table["task"][0]).split(":")[0]
    if task in _ELICITING:
        return _ELICITING[task]
    counts = pc.value_counts(pc.utf8_slice_codeunits(table["prompt"], 0, _BEGIN))
    sizes = counts.field("counts").to_numpy()
    return "templated" if sizes[sizes >= 20].sum() >= TEMPLATED_SHARE * table.num_rows else "plain"


def _rows(source: Texts, half: str) -> Texts:
    """The prompts of a half; there is no template that both could share."""
    return source.take(np.flatnonzero([side(p) == half for p in source.prompts.to_pylist()]))


def _alternate(sources: list[Texts], half: str) -> list[Texts]:
    """Every other source, in an order that names alone decide; a single one is on side A or B by its name."""
    ordered = sorted(sources, key=lambda s: hashlib.sha256(s.name.encode()).digest())
    if len(ordered) == 1:
        return [s for s in ordered if side(s.name) == half]
    return ordered[0 if half == "A" else 1 :: 2]


def _instructions(folder: Path, half: str | None) -> tuple[pa.Array, pa.Array]:
    path = folder / "system_prompts.parquet"
    if not path.exists():
        return pa.array([], pa.string()), pa.array([], pa.string())
    table = pq.read_table(path, columns=["source", "text"])
    rows = [(s, t) for s, t in zip(table["source"].to_pylist(), table["text"].to_pylist(), strict=True) if _mine(t, half)]
    pipelines = [t for s, t in rows if "teacher" in s]
    return pa.array([t for s, t in rows if "teacher" not in s], pa.string()), pa.array(pipelines, pa.string())
