"""
Do the suspect's log-probabilities come out of the base's output head?

Fine-tuning hardly moves an output head, and what a head can say fills only as many dimensions as the hidden state has. Two tests,
by what the endpoint shows: log-probabilities of the whole vocabulary, or no more than an order of tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import QuestionError
from stillwatch.lineage import probes
from stillwatch.lineage.base import (
    Given,
    Needs,
    NullPicture,
    Offer,
    Operand,
    Part,
    Result,
    Skipped,
    StripPicture,
    Verdict,
    as_class,
)
from stillwatch.lineage.names import read_names
from stillwatch.lineage.panel import stands_out, verdict_bar
from stillwatch.lineage.proof import by_panel, recompute
from stillwatch.lineage.speech import Question, Speaker, Spoken, TokenScore, speaker
from stillwatch.lineage.weights import Weights
from stillwatch.methods.output_subspace import ranking_margin, residual_energy
from stillwatch.records.lineage import Proof

_POSITIONS = 16
_RANKED_POSITIONS = 1
_LONGEST_RANKING = 100  # infeasible by chance for SmolLM2's head of 576 dimensions, and solved in a minute; 20 are feasible
_FEW = 20  # what APIs give that limit alternatives
_CONTROLS = 19  # shuffled controls: enough to see a distribution, too few for a p-value, and none is made of them
_WINDOW = 64  # ids are shuffled within such windows: neighbours in a BPE vocabulary are about as frequent as each other
_LARGEST_RANKED_HEAD = 1024  # hidden size up to which a linear program takes seconds

# Without a panel. quality.lineage-blackbox: a fine-tuned child left 9e-4, 19 strangers of the same data and recipe 9e-3 and more,
# so small an amount that only ten times the child's is no power; more than shared structure could explain is outside.
_INSIDE, _OUTSIDE = 0.003, 0.25

_NEEDS = (Needs(frozenset({Offer.LOGPROBS}), frozenset({Offer.WEIGHTS, Offer.VOCABULARY})),)


@dataclass(frozen=True)
class Position:
    """One place in a text: numbers of tokens in the base's vocabulary, and their log-probabilities, likeliest first."""

    ids: NDArray[np.int64]
    log_probs: NDArray[np.float64]


@dataclass(frozen=True)
class OutputSubspace:
    """
    Share of the suspect's log-probabilities that the base's output head cannot explain.

    Works where an endpoint gives more log-probabilities than the head has dimensions (llama.cpp does; most hosted APIs give 20).
    Blind to a child whose head was trained anew, and it takes one vocabulary. Calibrated on a panel of strangers, never exact.
    """

    name: ClassVar[str] = "output-subspace"
    needs: ClassVar[tuple[Needs, ...]] = _NEEDS

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """One result a base; skipped where too few log-probabilities are shown."""
        for base in bases:
            weights = as_class(base, Weights)
            said = _full(speaker(suspect), weights, given)
            head = _head(weights)
            positions = _positions(said, weights)
            shared = _common(positions)
            if len(shared) <= head[1] + 1:
                words = f"it shows {len(shared)} log-probabilities a position, and a head of {head[1]} dimensions needs more"
                yield Skipped(self.name, base.name, words)
                continue
            yield self._judge(suspect, base, weights, head, positions, shared, given)

    def _judge(
        self,
        suspect: Operand,
        base: Operand,
        weights: Weights,
        head: tuple[str, int],
        positions: Sequence[Position],
        shared: NDArray[np.int64],
        given: Given,
    ) -> Result:
        rng = np.random.default_rng(given.seed)
        rows = np.sort(rng.permutation(shared)[: 4 * head[1] + 64])
        table = _table(positions, rows)
        matrix = weights.rows(head[0], rows).astype(np.float64)
        shuffled = [table[:, _shuffled(len(rows), rng)] for _ in range(_CONTROLS)]
        energies = residual_energy(matrix, np.vstack([table, *shuffled])).reshape(1 + _CONTROLS, len(table))
        left, controls = energies[0], [float(v) for v in np.median(energies[1:], axis=1)]
        score = float(np.median(left))
        verdict, words, proof = self._verdict(base.name, score, controls, given)
        return Result(
            test=self.name,
            suspect=suspect.name,
            base=base.name,
            verdict=verdict,
            sentence=words,
            null="an unrelated model of the same vocabulary; its scores are those of the panel",
            exact=False,
            log10_p=recompute(proof) if proof else None,
            statistic=score,
            null_mean=float(np.mean(controls)),
            null_sd=float(np.std(controls)),
            n=len(positions),
            seed=given.seed,
            assumptions=("the endpoint reports true log-probabilities", "both use one vocabulary"),
            parts=tuple(Part(f"position {i + 1}", len(rows), float(v)) for i, v in enumerate(left)),
            pictures=(
                NullPicture("Residual energy, and with token ids shuffled", tuple(controls), score, "share"),
                StripPicture("Explained energy, position by position", _numbered(len(left)), tuple(float(1.0 - v) for v in left)),
            ),
            panel_id=given.panel.panel_id if proof and given.panel else None,
            proof=proof,
        )

    def _verdict(self, base: str, score: float, controls: Sequence[float], given: Given) -> tuple[Verdict, str, Proof | None]:
        words = (
            f"{score:.2g} of the energy lies outside the output head of {base}; with shuffled ids it is {np.mean(controls):.2f}."
        )
        strangers = given.panel.of(self.name) if given.panel else ()
        if strangers:
            proof = by_panel(1.0 - score, strangers)
            log10_p = recompute(proof)
            bar = 1.0 - verdict_bar(strangers)
            told = f" Rank {10.0**log10_p:.3g} among {len(strangers)} strangers, a verdict asks for {bar:.2g}."
            called = stands_out(1.0 - score, strangers, log10_p, given.alpha)
            return (Verdict.CALIBRATED if called else Verdict.NO_POWER), words + told, proof
        if score <= _INSIDE:
            return Verdict.COMPATIBLE, words + " Its log-probabilities fit this head.", None
        if score >= _OUTSIDE:
            return Verdict.EXCLUDED, words + " They do not come from this head, nor from a light fine-tune of it.", None
        return Verdict.NO_POWER, words, None


@dataclass(frozen=True)
class TokenRanking:
    """
    Can exactly the base's output head put tokens in the order that the endpoint shows?

    For endpoints that hide values but show an order. Speaks of the very head: a fine-tuned child may fail it. A short order is
    feasible for anybody, which is measured on shuffled orders; then it has no power. Cost: linear programs, seconds to a minute.
    """

    name: ClassVar[str] = "token-ranking"
    needs: ClassVar[tuple[Needs, ...]] = _NEEDS

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Excluded* where the order is impossible for this head."""
        for base in bases:
            weights = as_class(base, Weights)
            tensor, hidden = _head(weights)
            if hidden > _LARGEST_RANKED_HEAD:
                yield Skipped(self.name, base.name, f"a head of {hidden} dimensions needs linear programs of hours")
                continue
            positions = _positions(_full(speaker(suspect), weights, given), weights)[:_RANKED_POSITIONS]
            if not positions or min(len(p.ids) for p in positions) < 3:
                yield Skipped(self.name, base.name, "the suspect shows no order of at least three tokens")
                continue
            try:
                yield self._judge(suspect.name, base.name, weights.rows(tensor).astype(np.float64), positions, given)
            except ArithmeticError as error:
                yield Skipped(self.name, base.name, str(error))

    def _judge(self, suspect: str, base: str, head: NDArray[np.float64], positions: Sequence[Position], given: Given) -> Result:
        length = min(_LONGEST_RANKING, *(len(p.ids) for p in positions))
        margins = [ranking_margin(head, p.ids[:length]) for p in positions]
        by_chance = np.random.default_rng(given.seed).permutation(len(head))[:length]
        if min(margins) == 0.0:
            verdict = Verdict.EXCLUDED
            words = (
                f"an order of {length} tokens is impossible for exactly the head of {base}; a fine-tuned child may still be one."
            )
        elif ranking_margin(head, by_chance) > 0.0:
            verdict = Verdict.NO_POWER
            words = f"an order of {length} tokens is feasible in {head.shape[1]} dimensions even when it is drawn by chance."
        else:
            verdict = Verdict.COMPATIBLE
            words = f"an order of {length} tokens is feasible for the head of {base}; one drawn by chance is not."
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=verdict,
            sentence=words[0].upper() + words[1:],
            null="none: an order is feasible or not",
            exact=False,
            statistic=min(margins),
            n=len(positions),
            seed=given.seed,
            assumptions=("the endpoint serves these very weights, quantised alike", "it does not reorder tokens"),
            parts=tuple(Part(f"position {i + 1}", length, m) for i, m in enumerate(margins)),
        )


def _full(voice: Speaker, weights: Weights, given: Given) -> list[Spoken]:
    """One token to each of a few prompts with as many alternatives as the server gives."""
    assert weights.vocabulary is not None
    prompts = (voice.recorded_prompts or probes.questions())[: min(given.prompts, _POSITIONS)]
    try:
        return voice.say(Question(prompts, 1, 1, 0.0, len(weights.vocabulary), raw=True))
    except QuestionError:
        return voice.say(Question(prompts, 1, 1, 0.0, _FEW))


def _head(weights: Weights) -> tuple[str, int]:
    top = read_names(weights).top
    tensor = top.get("head", top["embed"])
    return tensor, weights.shape(tensor)[1]


def _positions(said: Sequence[Spoken], weights: Weights) -> list[Position]:
    assert weights.vocabulary is not None
    numbers: dict[bytes, int] = {}
    for i, word in enumerate(weights.vocabulary):
        if word is not None:
            numbers.setdefault(word, i)
    found = [_position(line.tokens[0], numbers, len(weights.vocabulary)) for line in said if line.tokens]
    return [p for p in found if len(p.ids)]


def _position(token: TokenScore, numbers: dict[bytes, int], n_tokens: int) -> Position:
    if token.top_ids is not None:
        ids = np.array(token.top_ids, dtype=np.int64)
    else:
        ids = np.array([numbers.get(t.encode("utf-8", "surrogatepass"), n_tokens) for t in token.top_tokens], dtype=np.int64)
    finite = (ids >= 0) & (ids < n_tokens) & (token.top_log_probs > -1e4)
    kept, first = np.unique(ids[finite], return_index=True)
    order = np.sort(first)
    return Position(ids[finite][order], token.top_log_probs[finite][order]) if len(kept) else Position(kept, np.zeros(0))


def _common(positions: Sequence[Position]) -> NDArray[np.int64]:
    if not positions:
        return np.zeros(0, dtype=np.int64)
    shared = np.sort(positions[0].ids)
    for position in positions[1:]:
        shared = np.intersect1d(shared, position.ids)
    return shared


def _table(positions: Sequence[Position], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    table = np.zeros((len(positions), len(rows)))
    for i, position in enumerate(positions):
        order = np.argsort(position.ids)
        table[i] = position.log_probs[order][np.searchsorted(position.ids[order], rows)]
    return table


def _shuffled(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    places = np.arange(count)
    for start in range(0, count, _WINDOW):
        places[start : start + _WINDOW] = rng.permutation(places[start : start + _WINDOW])
    return places


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(str(i + 1) for i in range(count))
