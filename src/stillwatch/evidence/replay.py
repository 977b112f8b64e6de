"""Do accounts of a group send back reasoning that the model gave to others of it?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import Plain, accounts, platform, units
from stillwatch.evidence.platform import Blobs
from stillwatch.evidence.rates import MeetingRates, shipped
from stillwatch.methods.adoption import excess_bits
from stillwatch.methods.lists import of_a_list
from stillwatch.methods.numbering import numbered
from stillwatch.methods.ragged import within
from stillwatch.records.window import Window

MIN_SHARED = 2  # of one, either may have been pasted; a queue deals out many
MIN_UNITS = 10

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Replay:
    """
    Ask whether accounts of a group send the same opaque strings: a model's encrypted reasoning, replayed by others.

    A provider hands encrypted reasoning to one account, and a client that keeps no state sends it back in that conversation. It
    says nothing to anyone else, unless somebody has it continued or written out elsewhere; and because it is
    integrity-protected, it has to be sent whole. Counted are organisations or lone accounts that sent at least two blobs
    which another of the group also sent, of all of the group, so that a campaign which hides in a crowd does not accuse the
    crowd. What a tenth of those that sent blobs and at least five sent is no replay but a file or a template that they have.

    Null: beta-binomial over units with the base rate of ordinary groups; a share of these (a company with accounts under
    several names behind one balancer, people who read the same file with an encoded picture in it) does as a replay does.
    Formula: log2 of (reach × any share + rest × null) over (stray × any share + rest × null).
    Blind to: blobs replayed by the account that got them; one blob sent by everybody, which looks like a template; logs that
    keep neither the history of a request nor its reasoning items.
    Cost: one pass over the blobs of the log, then linear in those of the group's accounts.

    References:
        docs/research.md, 3.9. rates.json, block replay. Cap: the bound above, rounded up.
    """

    name: ClassVar[str] = "replay"
    family: ClassVar[str] = "replay"
    needs: ClassVar[frozenset[str]] = frozenset({"blobs"})
    cap_bits: ClassVar[float] = 7.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts organisations or lone accounts."""
        sent = platform(engine).blobs
        rates = shipped().replay
        said = (_statement(units(g), *_of_members(g, sent), rates) for g in accounts(engine, groups, ["org"]))
        return statements_table(self, groups, said)

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("thirty accounts that send each other's reasoning", examples.replayed(), "for"),
            Example("thirty accounts that each send their own back", examples.sent_back(), "nothing"),
            Example("thirty accounts with one encoded file in their template", examples.in_every_template(), "nothing"),
        )


def _of_members(group: dict[str, Plain], sent: Blobs) -> tuple[Ints, Ints]:
    """Units and blobs of a group's accounts; 0 stands for what nobody else sent."""
    who, unit = group["account"].values, units(group)
    low, high = np.searchsorted(sent.account, who, "left"), np.searchsorted(sent.account, who, "right")
    place = np.repeat(low, high - low) + within(high - low)
    return np.repeat(unit, high - low), sent.blob[place]


def shared(unit: Ints, blob: Ints) -> tuple[int, int, int]:
    """
    Units that sent at least two blobs which others also sent, units that sent any, and how many blobs were shared.

    Args:
        unit: (n,) who sent.
        blob: (n,) what; 0 for what nobody else sent.

    >>> shared(np.array([1, 1, 2, 2, 3]), np.array([7, 8, 7, 8, 0]))
    (2, 3, 2)
    """
    if not unit.size:
        return 0, 0, 0
    who, n = numbered(unit)
    what, n_blobs = numbered(blob)
    pair = np.unique(who * n_blobs + what)
    holders = np.bincount(pair % n_blobs, minlength=n_blobs)
    told = (holders >= 2) & ~of_a_list(holders, n)
    told[what[blob == 0]] = False
    each = np.bincount(pair[told[pair % n_blobs]] // n_blobs, minlength=n)
    return int((each >= MIN_SHARED).sum()), n, int(told.sum())


def _statement(members: Ints, unit: Ints, blob: Ints, rates: MeetingRates) -> Statement:
    k, senders, blobs = shared(unit, blob)
    if senders < MIN_UNITS:
        return Statement(0.0, f"{senders} organisations or lone accounts of the group sent opaque strings: too few", senders)
    n = np.unique(members).size
    bits = excess_bits(k, n, rates.base, rates.dispersion, rates.reach, rates.stray)
    reason = (
        f"{k:,} of {n:,} organisations or lone accounts sent {MIN_SHARED} or more opaque strings (encrypted reasoning) that "
        f"others of the group also sent, where {rates.base:.1%} would; {blobs:,} such strings"
    )
    return Statement(bits, reason, n, k / n, rates.base)
