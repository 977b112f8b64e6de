"""
Did the suspect learn choices that only the teacher's secret key explains?

The one exact test that needs no more than the suspect's text. The teacher's gateway must have chosen by the key *before* the
harvest; whoever draws the key afterwards proves nothing, so a key that was committed to in public says more.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from stillwatch.errors import LineageError
from stillwatch.lineage import probes
from stillwatch.lineage.base import (
    Given,
    GivenKind,
    Needs,
    NullPicture,
    Offer,
    Operand,
    Part,
    Result,
    Skipped,
    Verdict,
    one_owner,
    speaks_against,
)
from stillwatch.lineage.proof import by_key, recompute
from stillwatch.lineage.speech import Question, Spoken, speaker
from stillwatch.methods.keyed_choice import distinct, is_green, pick

KEY_FORMAT = "stillwatch.lineage.key/1"
_MOST_DRAWN_HASHES = 250_000  # of the picture's random keys: about two seconds
_MOST_CHOICES = 2_000_000  # some twenty seconds of hashing
_ANSWER_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where the gateway chose one of several wordings."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TeacherKey:
    """
    A secret and how it chooses.

    Args:
        secret: Never stored with results; `key_id` names it.
        words: Length of a coloured k-gram with its context, for green lists; 0 for slots.
        share: Share of green.
        slots: Places of choice, canary phrases included.
    """

    secret: bytes
    words: int
    share: float
    slots: tuple[Slot, ...]

    def __repr__(self) -> str:
        return f"TeacherKey({self.key_id})"

    @property
    def key_id(self) -> str:
        """SHA-256 of the secret under our tag, 32 hex digits: publish it before the harvest to prove the key's age."""
        return hashlib.sha256(b"stillwatch lineage key\x00" + self.secret).hexdigest()[:32]


@dataclass(frozen=True)
class TextKeyed:
    """
    Exact p-value over keys for a watermark, a keyed choice of wording, or canary phrases.

    Works on plain text, whatever happened between teacher and student; each k-gram or slot counts once. Blind where too
    little of the training data came through the gateway: word models show a quarter of it, a twentieth hardly.

    References:
        Sander et al. (2402.14904) for the test, Kirchenbauer et al. (2301.10226) for green lists. Power:
        benchmarks/quality/lineage.
    """

    name: ClassVar[str] = "text-keyed"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(suspect=frozenset({Offer.TEXTS}), given=frozenset({GivenKind.KEY})),)

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Exact reject of independence* where the text agrees with the key beyond chance; one base only, the key's owner."""
        if len(bases) > 1:
            yield from one_owner(self.name, bases, "a key belongs to one teacher")
            return
        assert given.key_file is not None
        key = read_key(given.key_file)
        texts = [line.output for line in _listen(suspect, given)]
        choices = coloured(key, texts) if key.words else chosen(key, texts)
        yield self._judge(suspect.name, bases[0].name, key, choices, given)

    def _judge(self, suspect: str, base: str, key: TeacherKey, choices: "Choices", given: Given) -> Result:
        agree, chances = choices.agree(key.secret), choices.chances
        proof = by_key(chances, agree)
        log10_p = recompute(proof)
        mean, sd = float(chances.sum()), math.sqrt(float((chances * (1 - chances)).sum()))
        draws = _random_keys(choices, given.seed)
        beyond = speaks_against(log10_p, given.alpha)
        words = f"{agree} of {len(chances)} distinct choices agree with the key; by chance {mean:.1f} ± {sd:.1f} would."
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=Verdict.REJECT if beyond else Verdict.NO_POWER,
            sentence=words + (" The text depends on the key." if beyond else ""),
            null="the text is independent of the key",
            exact=True,
            log10_p=log10_p,
            statistic=float(agree),
            null_mean=mean,
            null_sd=sd,
            n=len(chances),
            seed=given.seed,
            assumptions=(
                "the key was drawn at random before the suspect was trained, and kept secret",
                "the suspect's texts were not picked by anybody who knew the key, and quote no marked text from their prompts",
                f"key {key.key_id}",
            ),
            parts=choices.parts(key.secret),
            pictures=(NullPicture("Agreements under random keys, and under the teacher's", draws, float(agree)),)
            if draws
            else (),
            proof=proof,
        )


@dataclass(frozen=True)
class Choices:
    """Distinct choices found in texts: coloured k-grams, or a wording a slot."""

    grams: tuple[tuple[str, ...], ...]
    share: float
    wordings: tuple[tuple[str, int, int], ...]  # slot, option that the text uses, number of options

    @property
    def chances(self) -> NDArray[np.float64]:
        """Each choice's chance to agree with a random key."""
        return np.array([self.share] * len(self.grams) + [1.0 / n for _, _, n in self.wordings], dtype=np.float64)

    def agree(self, secret: bytes) -> int:
        """How many agree with a key."""
        green = sum(is_green(secret, gram, self.share) for gram in self.grams)
        return green + sum(pick(secret, slot, n) == option for slot, option, n in self.wordings)

    def parts(self, secret: bytes) -> tuple[Part, ...]:
        """One row a slot; a green list has none worth a row."""
        return tuple(
            Part(slot, 1, float(pick(secret, slot, n) == option), None, f"1 of {n} options") for slot, option, n in self.wordings
        )


def coloured(key: TeacherKey, texts: Sequence[str]) -> Choices:
    """Distinct k-grams of words over all texts, the first two million of them."""
    grams = [
        tuple(words[i : i + key.words])
        for words in (re.findall(r"\w+|[^\w\s]", text.lower()) for text in texts)
        for i in range(len(words) - key.words + 1)
    ]
    return Choices(tuple(distinct(grams)[:_MOST_CHOICES]), key.share, ())


def chosen(key: TeacherKey, texts: Sequence[str]) -> Choices:
    """The option that the texts use most at each slot; a slot without use, or with a tie, makes no choice."""
    whole = "\n".join(texts).lower()
    wordings = []
    for slot in key.slots:
        uses = [len(re.findall(rf"(?<!\w){re.escape(option.lower())}(?!\w)", whole)) for option in slot.options]
        best = max(uses)
        if best and uses.count(best) == 1:
            wordings.append((slot.name, uses.index(best), len(slot.options)))
    return Choices((), 0.5, tuple(wordings))


def read_key(path: Path) -> TeacherKey:
    """
    Read a teacher's key file.

    Raises:
        LineageError: unreadable, or not a key; the message never quotes the file.
    """
    try:
        tree = orjson.loads(path.read_bytes())
    except OSError as error:
        raise LineageError(f"{path}: the key cannot be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise LineageError(f"{path}: the key is not JSON") from error
    try:
        return _key(tree)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LineageError(
            f"{path}: not a key: it needs format '{KEY_FORMAT}', secret (32 to 128 hex digits), and either"
            " green_list with words (2 to 8) and share (0 to 1), or slots with name and two or more different options each"
        ) from error


def _key(tree: Any) -> TeacherKey:
    secret = bytes.fromhex(tree["secret"])
    if tree["format"] != KEY_FORMAT or not 16 <= len(secret) <= 64 or ("green_list" in tree) == ("slots" in tree):
        raise ValueError("not a key")
    if "green_list" in tree:
        words, share = int(tree["green_list"]["words"]), float(tree["green_list"]["share"])
        if not (2 <= words <= 8 and 0.0 < share < 1.0):
            raise ValueError("words or share out of range")
        return TeacherKey(secret, words, share, ())
    slots = tuple(Slot(str(row["name"]), tuple(str(option) for option in row["options"])) for row in tree["slots"])
    folded = [{option.lower() for option in slot.options} for slot in slots]
    if not slots or len({s.name for s in slots}) != len(slots) or any(len(f) < 2 or "" in f for f in folded):
        raise ValueError("slots need names of their own and two options")
    if any(len(f) != len(s.options) for f, s in zip(folded, slots, strict=True)):
        raise ValueError("an option is there twice")
    return TeacherKey(secret, 0, 0.5, slots)


def _listen(suspect: Operand, given: Given) -> list[Spoken]:
    voice = speaker(suspect)
    recorded = voice.recorded_prompts
    prompts = recorded if recorded is not None else probes.questions()[: given.prompts]
    samples = 1_000_000 if recorded is not None else 1  # all that a recording has
    return voice.say(Question(prompts, samples, _ANSWER_TOKENS, 1.0))


def _random_keys(choices: Choices, seed: int) -> tuple[float, ...]:
    n = len(choices.chances)
    if not n:
        return ()
    rng = np.random.default_rng(seed)
    return tuple(float(choices.agree(rng.bytes(32))) for _ in range(max(19, min(199, _MOST_DRAWN_HASHES // n))))
