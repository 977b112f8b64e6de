"""Were the weights of suspect and base initialised independently? Exact, on every symmetry that both models have."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from stillwatch.lineage.aligned import ALIGNED, Alignment, align, lanes
from stillwatch.lineage.base import (
    EXACT_LEVEL,
    SMALLEST_PRINTED_P,
    Given,
    MatrixPicture,
    Needs,
    NullPicture,
    Offer,
    Operand,
    Part,
    Picture,
    Result,
    Skipped,
    StripPicture,
    Verdict,
    as_class,
    print_p,
    speaks_against,
)
from stillwatch.lineage.blocks import Block
from stillwatch.lineage.distinct import distinct
from stillwatch.lineage.exact import Row, rows
from stillwatch.lineage.features import Pair, pairs
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.proof import by_fisher, by_fixed_points, by_rank, recompute
from stillwatch.lineage.stream import common_tokens, stream_pairs
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.symmetry_ffn import same_routing
from stillwatch.lineage.upcycled import upcycled_pairs
from stillwatch.lineage.weights import Weights
from stillwatch.records.lineage import Proof

NULL = "suspect and base were initialised independently, and training treated the units of each block alike"
ASSUMPTIONS = (
    "a shared seed with the same code and shapes breaks the null without any theft: shown is 'not independently initialised'",
    "no operation depends on a unit's position: structured initialisation, pruning of the first units, per-rank duplicated seeds "
    "and 8-bit block optimisers would",
    "blocks of the suspect that are copies of each other (repeated layers, upcycled experts) are counted once",
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question of the test: its name, its proof, and what to say of it."""

    name: str
    proof: Proof
    statistic: float
    n: int
    note: str


@dataclass(frozen=True)
class WeightsExact:
    """
    Hold each unit of the suspect against the unit in the same place of the base.

    Works after fine-tuning, continued pretraining, pruning, requantisation, merging and noise, and for dropped or repeated
    layers. Blind once units were permuted on purpose (never a false accusation; `weights-robust` looks there), and where widths
    differ. Cost: reads `units` units a block and 256 rows of matrices whose columns are compared; about 0.1 CPU-seconds a layer.

    Args:
        units: Units compared of a block.
        block_share: Blocks of a symmetry compared in one layer.

    References:
        Zhu et al., Independence tests for language models (ICML 2025): T1 on dense neurons. T2's closed form, the other
        symmetries and the alignment are ours: docs/reference/lineage-weights.md.
    """

    name: ClassVar[str] = "weights-exact"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(suspect=frozenset({Offer.WEIGHTS}), base=frozenset({Offer.WEIGHTS})),)
    units: int = 512
    block_share: int = 8

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """One result a base; skipped where no block of the two models has the same shape."""
        model = read_names(as_class(suspect, Weights))
        for base in bases:
            yield self._against(model, read_names(as_class(base, Weights)), given)

    def rows(self, suspect: Model, base: Model, given: Given) -> list[Row]:
        """Both statistics of every symmetry with their nulls: what a result is joined from, and what its level is measured on."""
        suspect, base = same_routing(suspect, base)
        theirs = distinct(suspect.weights, blocks(suspect), self.block_share, given.seed)
        wanted = {block.place for block in theirs}
        ours = [block for block in blocks(base) if block.place in wanted or block.kind == "neurons"]
        return rows(self._pairs(suspect, theirs, base, ours, given), given.permutations, given.seed)

    def _against(self, suspect: Model, base: Model, given: Given) -> Result | Skipped:
        found = self.rows(suspect, base, given)
        alignment = None
        if not any(row.matching_log10_p < math.log10(SMALLEST_PRINTED_P) for row in found if row.kind in ALIGNED):
            alone = distinct(suspect.weights, lanes(suspect), self.block_share, given.seed)
            alignment = align(suspect, alone, base, lanes(base), self.units, given.seed)
        asked = [question for row in found for question in _of_row(row)]
        if alignment is not None:
            asked.append(_of_alignment(alignment))
        if not asked:
            return Skipped(
                self.name, base.weights.name, f"no block of the two has the same shape: {suspect.family}; {base.family}"
            )
        # the alignment counts as asked even where it was not needed, so that the count depends on nothing seen
        return self._result(suspect, base, given, asked, len(asked) + (alignment is None), found, alignment)

    def _pairs(self, suspect: Model, theirs: list[Block], base: Model, ours: list[Block], given: Given) -> Iterator[Pair]:
        tokens = common_tokens(suspect, base)
        inner = [block for block in theirs if block.layer is not None]
        yield from pairs(suspect.weights, inner, base.weights, ours, self.units, given.seed)
        yield from upcycled_pairs(suspect, inner, base, ours, self.units, given.seed)
        if not isinstance(tokens, str):
            yield from stream_pairs(suspect, base, tokens, self.units * 2, given.seed)

    def _result(
        self,
        suspect: Model,
        base: Model,
        given: Given,
        asked: list[_Asked],
        questions: int,
        found: list[Row],
        alignment: Alignment | None,
    ) -> Result:
        best = min(asked, key=lambda question: recompute(question.proof))
        proof = replace(best.proof, questions=questions)
        log10_p = recompute(proof)
        rejected = speaks_against(log10_p, given.alpha)
        said = f"p {print_p(log10_p)} over {questions} questions, the strongest: {best.name}, {best.note}"
        row = min(found, key=lambda r: r.matching_log10_p, default=None)
        tokens = common_tokens(suspect, base)
        return Result(
            test=self.name,
            suspect=suspect.weights.name,
            base=base.weights.name,
            verdict=Verdict.REJECT if rejected else Verdict.NO_POWER,
            sentence=f"{_opening(log10_p, given.alpha)}: {said}",
            null=NULL,
            exact=True,
            log10_p=log10_p,
            statistic=row.trace if row else best.statistic,
            null_mean=row.mean if row else None,
            null_sd=row.variance**0.5 if row else None,
            n=best.n,
            draws=given.permutations,
            seed=given.seed,
            assumptions=(*ASSUMPTIONS, tokens if isinstance(tokens, str) else tokens.note),
            parts=tuple(Part(q.name, q.n, q.statistic, recompute(q.proof), q.note) for q in asked),
            pictures=tuple(_pictures(found, row, alignment)),
            proof=proof,
        )


def _opening(log10_p: float, alpha: float) -> str:
    if speaks_against(log10_p, alpha):
        return "Not independently initialised"
    if log10_p <= math.log10(alpha):
        return f"Short of the p {min(EXACT_LEVEL, alpha):g} that speaking against a model asks for"
    return "Nothing that independent models do not show"


def _of_row(row: Row) -> Iterator[_Asked]:
    n, blocks_told = sum(row.sizes), f"{len(row.sizes)} blocks" if len(row.sizes) > 1 else "1 block"
    yield _Asked(
        f"{row.kind}, matching",
        by_fixed_points(row.n_fixed, row.sizes),
        row.n_fixed,
        n,
        f"{row.n_fixed} of {n} units of {blocks_told} stay in place, {len(row.sizes)} expected by chance",
    )
    note = f"trace {row.z:.1f} standard deviations above its mean under permutation"
    yield _Asked(f"{row.kind}, trace", by_rank(row.trace, row.draws), row.z, n, note)


def _of_alignment(alignment: Alignment) -> _Asked:
    moved = sum(i != j for i, j in zip(alignment.suspect_layers, alignment.base_layers, strict=True))
    note = f"each layer against the base layer it fits best, {moved} of {len(alignment.suspect_layers)} in another place"
    mean = sum(alignment.shares) / len(alignment.shares)
    return _Asked("neurons, layers aligned", by_fisher(alignment.log10_p), mean, len(alignment.shares), note)


def _pictures(found: list[Row], row: Row | None, alignment: Alignment | None) -> Iterator[Picture]:
    if row is not None and row.variance > 0.0:
        scores = (row.draws - row.mean) / row.variance**0.5
        yield NullPicture(f"{row.kind}: trace under permutation", tuple(float(s) for s in scores), row.z, "standard deviations")
    for one in found:
        shares = {layer: share for layer, share in one.by_layer().items() if layer is not None}
        if len(shares) > 1:
            yield StripPicture(f"{one.kind}: share of units in place, by layer", tuple(map(str, shares)), tuple(shares.values()))
    if alignment is not None and alignment.fit.size > 1:
        rows_told = tuple(f"suspect {i}" for i in alignment.suspect_layers)
        columns = tuple(f"base {j}" for j in range(alignment.fit.shape[1]))
        values = tuple(tuple(float(v) for v in line) for line in alignment.fit)
        yield MatrixPicture("Layers: mean cosine of neurons in the same place", rows_told, columns, values)
