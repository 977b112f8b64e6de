"""
What became of what each member published: which of its indicators others confirmed, and which they dispute.

Counted, not learned, so that a member can be told why. An indicator is *confirmed* where another member has seen it or agrees,
and more do than disagree; it is *disputed* where at least two members disagree, and more than agree: one rival disputes nobody's
record. All others are open and count neither way. The record reaches as far back as the exchange keeps objects.

The advice is an operator's to take. Nothing here moves a member by itself: a clearance that rises while a poller is under way
would hide from it what was added before (docs/decisions.md).
"""

from dataclasses import dataclass

from stillwatch.sharing.taxii import marking, times
from stillwatch.sharing.taxii.database import Database, Transaction
from stillwatch.sharing.taxii.members import Member, Members

NEEDED_JUDGED = 10  # indicators: below, one mistake is a tenth of the record
GOOD, BAD = 0.9, 0.5  # precision that lets out of quarantine, and that leads back into it; decisions, not measurements
IDLE_US = 90 * times.DAY_US


@dataclass(frozen=True, slots=True)
class Record:
    """
    One member's record.

    Args:
        n_indicators: Indicators of it that the exchange holds, in all collections.
        n_confirmed: Of these, confirmed by others.
        n_disputed: Of these, disputed by others.
        n_given: Sightings and opinions of it.
        idle: Has it published nothing at all for 90 days, and been a member for longer?
    """

    member: Member
    n_indicators: int
    n_confirmed: int
    n_disputed: int
    n_given: int
    idle: bool

    @property
    def n_judged(self) -> int:
        """Indicators that are confirmed or disputed."""
        return self.n_confirmed + self.n_disputed

    @property
    def precision(self) -> float | None:
        """Share of judged indicators that are confirmed; None where none is judged."""
        return self.n_confirmed / self.n_judged if self.n_judged else None

    @property
    def releasable(self) -> bool:
        """Is it in quarantine, and its record good enough to leave it?"""
        good = self.precision is not None and self.precision >= GOOD
        return self.member.quarantined and self.n_judged >= NEEDED_JUDGED and good

    @property
    def advice(self) -> str:
        """What an operator may do, in one sentence; empty where nothing is to be done."""
        name, enough = self.member.id, self.n_judged >= NEEDED_JUDGED
        if self.releasable:
            return f"release it: exchange member release {name}"
        if self.member.quarantined and not enough:
            return f"keep it in quarantine: {self.n_judged} of {NEEDED_JUDGED} indicators are judged"
        if self.member.quarantined:
            return f"keep it in quarantine: less than {GOOD:.0%} of what was judged is confirmed"
        if enough and self.precision is not None and self.precision < BAD:
            return f"quarantine it, more is disputed than confirmed: exchange member set {name} --quarantined"
        if self.idle and self.member.role in ("reader", "contributor") and self.member.clearance > marking.GREEN:
            return f"let it read less, it gave nothing for 90 days: exchange member set {name} --clearance green"
        return ""


def records(database: Database, now_us: int) -> list[Record]:
    """The record of every member, by name."""
    members = Members(database).all()
    with database.read() as transaction:
        verdicts, given = _verdicts(transaction), _given(transaction)
        made: dict[str, int] = dict(transaction.all("SELECT id, made FROM member"))
        last: dict[str, int] = dict(transaction.all("SELECT owner, MAX(stamp) FROM object GROUP BY owner"))
    told = []
    for one in members:
        judged = verdicts.get(one.id, [])
        idle = max(made.get(one.id, now_us), last.get(one.id, 0)) < now_us - IDLE_US
        told.append(Record(one, len(judged), judged.count("confirmed"), judged.count("disputed"), given.get(one.id, 0), idle))
    return told


def _verdicts(transaction: Transaction) -> dict[str, list[str]]:
    """What others make of each indicator, by its owner; a member counts once on each side, however often it speaks."""
    told: dict[str, list[str]] = {}
    for owner, agreeing, against in transaction.each(
        "SELECT o.owner, "
        "COUNT(DISTINCT CASE WHEN v.opinion IS NULL OR v.opinion IN ('agree', 'strongly-agree') THEN v.owner END), "
        "COUNT(DISTINCT CASE WHEN v.opinion IN ('disagree', 'strongly-disagree') THEN v.owner END) "
        "FROM object o LEFT JOIN object v ON v.coll = o.coll AND v.end_a = o.id AND v.is_last = 1 "
        "AND v.type IN ('sighting', 'opinion') AND v.owner <> o.owner "
        "WHERE o.type = 'indicator' AND o.is_last = 1 GROUP BY o.coll, o.id, o.owner"
    ):
        told.setdefault(owner, []).append(_verdict(agreeing, against))
    return told


def _verdict(agreeing: int, against: int) -> str:
    """
    What two counts of members make of an indicator.

    >>> _verdict(1, 0), _verdict(0, 1), _verdict(1, 2), _verdict(2, 2)
    ('confirmed', 'open', 'disputed', 'open')
    """
    if agreeing > against:
        return "confirmed"
    return "disputed" if against >= 2 and against > agreeing else "open"


def _given(transaction: Transaction) -> dict[str, int]:
    rows = transaction.all(
        "SELECT owner, COUNT(*) FROM object WHERE type IN ('sighting', 'opinion') AND is_last = 1 GROUP BY owner ORDER BY owner"
    )
    return dict(rows)
