"""
What a lineage test is handed, what it must say, and the words it may use.

An operand is one of the models compared: weights on disk, an endpoint, or texts it wrote. A test declares what each side must
offer and is asked once for all bases that offer it, because some questions (which of these teachers? merged in what shares?)
have no answer pair by pair.

Why not one number for "same lineage": a score has no meaning without its null. Here every result names its null hypothesis, its
assumptions, and one of five verdicts; an exact p-value and a calibrated one never share a word.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from stillwatch.errors import LineageError
from stillwatch.lineage.panel import Panel
from stillwatch.records.lineage import Proof

Held = TypeVar("Held")

SMALLEST_PRINTED_P = 1e-12  # docs/research.md, lineage: below it the model's assumptions, not the data, set the number
# what speaks against somebody asks for more than 1 %: at 1 %, 1 of the first 1,035 stranger pairs was called, as a level of 1 %
# allows (benchmarks/quality/lineage); one level for all exact tests
EXACT_LEVEL = 1e-5


class Verdict(StrEnum):
    """The only five things a test may conclude."""

    REJECT = "exact reject of independence"  # an exact test rejected its null
    CALIBRATED = "calibrated"  # a score beyond a panel of unrelated pairs; never exact
    COMPATIBLE = "compatible"  # nothing seen speaks against it; proves nothing
    EXCLUDED = "excluded"  # seen something that the claim does not allow
    NO_POWER = "no power"  # the test ran and could not tell; a normal answer


class Offer(StrEnum):
    """What an operand can give a test."""

    WEIGHTS = "weights"  # tensors on disk
    ENDPOINT = "endpoint"  # can be asked new prompts
    TEXTS = "texts"  # prompts with outputs
    LOGPROBS = "log-probabilities"  # of an endpoint's or a file's outputs
    VOCABULARY = "vocabulary"  # the byte string of every token id


class GivenKind(StrEnum):
    """What the owner hands a run beside the operands."""

    PANEL = "--panel"
    KEY = "--key"
    ORDER = "--order"
    STRANGERS = "--stranger"


@runtime_checkable
class Operand(Protocol):
    """One of the models compared. Its concrete class (weights, endpoint, texts) carries what it offers."""

    @property
    def name(self) -> str:
        """As the person typed it, without credentials."""
        ...

    @property
    def offers(self) -> frozenset[Offer]:
        """What a test may ask of it."""
        ...

    def digests(self) -> Mapping[str, str]:
        """File name (or address) -> SHA-256 of what was read, for the evidence bundle; streamed, so it costs a full read."""
        ...


@dataclass(frozen=True, slots=True)
class Needs:
    """What a test needs of the suspect, of each base, and from the owner."""

    suspect: frozenset[Offer] = frozenset()
    base: frozenset[Offer] = frozenset()
    given: frozenset[GivenKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Given:
    """
    What one run is given beside its operands.

    Args:
        seed: Every random choice of every test derives from it.
        permutations: Monte Carlo draws of an exact permutation test; its floor is 1 / (permutations + 1).
        alpha: Level at which a verdict is given, after Holm over candidates and tests.
        panel: Scores of unrelated pairs, for calibrated tests.
        key_file: The teacher's key, for the keyed text test.
        order_file: The owner's training order, for the order test.
        strangers: Models known to be unrelated: the field of the unkeyed text test, controls of the others.
        prompts: Prompts put to an endpoint by the tests that compare outputs.
        samples: Outputs a prompt, for tests of equality.
    """

    seed: int = 1
    permutations: int = 999
    alpha: float = 0.01
    panel: Panel | None = None
    key_file: Path | None = None
    order_file: Path | None = None
    strangers: tuple[Operand, ...] = ()
    prompts: int = 64
    samples: int = 5

    def __post_init__(self) -> None:
        if self.permutations < 99:
            raise ValueError("permutations must be at least 99")
        if not 0.0 < self.alpha < 0.5:
            raise ValueError("alpha must lie between 0 and 0.5")
        if self.prompts < 1 or self.samples < 2:
            raise ValueError("prompts must be at least 1 and samples at least 2")

    @property
    def kinds(self) -> frozenset[GivenKind]:
        """Which of the optional things are there."""
        there = {
            GivenKind.PANEL: self.panel,
            GivenKind.KEY: self.key_file,
            GivenKind.ORDER: self.order_file,
            GivenKind.STRANGERS: self.strangers or None,
        }
        return frozenset(kind for kind, value in there.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Part:
    """One row of a result: a symmetry, a layer, a probe. `log10_p` is None where the row carries no p-value."""

    name: str
    n: int
    statistic: float
    log10_p: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class NullPicture:
    """Draws from the null with the observed value beside them."""

    title: str
    draws: tuple[float, ...]
    observed: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class StripPicture:
    """One value a layer (or probe), in order; `top` is the value that means full agreement."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    top: float = 1.0


@dataclass(frozen=True, slots=True)
class MatrixPicture:
    """A small matrix, row by row: what of the suspect matches what of the base."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


Picture = NullPicture | StripPicture | MatrixPicture


@dataclass(frozen=True, slots=True)
class Result:
    """
    What one test says about the suspect and one base.

    Args:
        test: Name of the test, stored: never renamed.
        suspect, base: Names of the operands.
        verdict: One of five.
        sentence: The verdict for a person, with its numbers.
        null: The null hypothesis in words.
        exact: Is `log10_p` valid at any sample size under the stated assumptions?
        log10_p: Before Holm over candidates and tests; None where the test has no p-value.
        statistic, null_mean, null_sd: The observed statistic, and its moments under the null where known.
        n: Observations the statistic stands on.
        draws: Monte Carlo draws used, 0 where the p-value is a closed form.
        assumptions: What must hold for the p-value to mean what it says.
        panel_id: The panel it was calibrated on.
        holm_log10_p: After Holm; set by the run that knows all candidates and tests.
        proof: The numbers from which `log10_p` is computed again (`proof.recompute`), for the evidence bundle.
    """

    test: str
    suspect: str
    base: str
    verdict: Verdict
    sentence: str
    null: str
    exact: bool
    log10_p: float | None = None
    statistic: float | None = None
    null_mean: float | None = None
    null_sd: float | None = None
    n: int = 0
    draws: int = 0
    seed: int = 0
    assumptions: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    pictures: tuple[Picture, ...] = ()
    panel_id: str | None = None
    holm_log10_p: float | None = None
    proof: Proof | None = None

    def __post_init__(self) -> None:
        for value in (self.log10_p, self.holm_log10_p):
            if value is not None and not value <= 0.0:
                raise ValueError(f"{self.test}: log10 p must be at most 0, not {value}")
        if self.verdict is Verdict.REJECT and not (self.exact and self.log10_p is not None):
            raise ValueError(f"{self.test}: only an exact p-value can reject independence")
        if self.verdict is Verdict.CALIBRATED and self.panel_id is None:
            raise ValueError(f"{self.test}: a calibrated verdict names its panel")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A test that was not run, and why; `failed` where a model behind an address stopped answering it."""

    test: str
    base: str | None  # None: the suspect itself does not permit it
    reason: str
    failed: bool = False


class LineageTest(Protocol):
    """One question about a suspect and candidate bases. To add one: one file, one name in `lineage.TESTS`."""

    name: ClassVar[str]
    """Stored with results: never rename."""
    needs: ClassVar[tuple[Needs, ...]]
    """Alternatives; the first that operands and owner satisfy is enough."""

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """
        One `Result` (or `Skipped`, where a closer look shows that it cannot run) for each of `bases`, in their order.

        Raises:
            LineageError: an operand cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that a run found about one suspect."""

    suspect: str
    bases: tuple[str, ...]
    given: Given
    results: tuple[Result, ...]
    skipped: tuple[Skipped, ...] = field(default=())


def why_not(test: LineageTest, suspect: Operand, base: Operand | None, given: Given) -> str | None:
    """Why the test cannot run on these operands, in words; None where it can. `base=None` looks at the suspect alone."""
    reasons = [_missing(needs, suspect, base, given) for needs in test.needs]
    return None if "" in reasons else " or ".join(dict.fromkeys(reasons))


def _missing(needs: Needs, suspect: Operand, base: Operand | None, given: Given) -> str:
    words = [f"the suspect offers no {x}" for x in sorted(needs.suspect - suspect.offers)]
    if base is not None:
        words += [f"the base offers no {x}" for x in sorted(needs.base - base.offers)]
        words += [f"{kind.value} was not given" for kind in sorted(needs.given - given.kinds)]
    return ", ".join(words)


def print_p(log10_p: float) -> str:
    """
    A p-value as people may read it.

    >>> print_p(-2.0), print_p(-16904.2)
    ('0.01', '< 1e-12 (log10 = -16904 under the stated model)')
    """
    if not log10_p <= 0.0:
        raise ValueError("log10 p must be at most 0")
    if log10_p < math.log10(SMALLEST_PRINTED_P):
        return f"< 1e-12 (log10 = {log10_p:.0f} under the stated model)"
    return f"{10.0**log10_p:.2g}"


def stands(log10_p: float, alpha: float) -> bool:
    """
    Is a p-value at most `alpha`? Free of the rounding that log10 and nine stored digits bring.

    >>> stands(math.log10(0.05), 0.05)
    True
    """
    return log10_p <= math.log10(alpha) + 1e-8


def speaks_against(log10_p: float, alpha: float) -> bool:
    """
    May an exact test reject at this p? It asks for 1e-5, or for `alpha` where that is less.

    >>> speaks_against(-4.0, 0.01), speaks_against(-5.0, 0.01), speaks_against(-5.0, 1e-6)
    (False, True, False)
    """
    return stands(log10_p, min(EXACT_LEVEL, alpha))


def one_owner(test: str, bases: Sequence[Operand], why: str) -> Iterator[Skipped]:
    """What a test says to several bases when what it was given belongs to one model."""
    yield from (Skipped(test, base.name, f"{why}: give that one alone with --against") for base in bases)


def as_class(operand: Operand, kind: type[Held]) -> Held:
    """The operand as the concrete class that carries what was declared in `needs`."""
    if not isinstance(operand, kind):
        raise LineageError(f"{operand.name}: this test needs {kind.__name__.lower()}, which it does not hold")
    return operand
