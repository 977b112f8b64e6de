"""Do accounts of a group sit on the same card, device, network or client more than their popularity explains?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.groups import Plain, accounts, platform, units
from stillwatch.evidence.rates import MeetingRates, shipped
from stillwatch.methods.adoption import excess_bits
from stillwatch.methods.collisions import collisions
from stillwatch.records.window import Window

_WORDS = {"payment": "payment instrument", "device": "device", "network": "network", "client": "client fingerprint"}


@dataclass(frozen=True)
class InfrastructureCollisions:
    """
    Ask whether units of a group sit on one value of a field with one another, more than its popularity explains.

    A unit is an organisation, or an account without one: members of one organisation cannot collide. A value that many
    units hold (a campus, a carrier, a cloud, a common library) is expected to be met and counts less besides. Each field
    speaks alone; the strongest of the family counts.

    Null: beta-binomial with the popularity's own expectation plus the share of ordinary groups' units that meet anyway
    (households, small teams), and a share of ordinary groups that sit together (an office): it bounds the weight.
    Formula: log2 of (reach × any share + rest × null) over (stray × any share + rest × null).
    Blind to: operators who give each account its own; a company whose accounts carry no organisation looks shared.
    Cost: linear in accounts.

    Args:
        field: "payment", "device", "network" or "client".

    References:
        docs/research.md, 3.6; a beta-binomial instead of its negative-binomial tail, because what is counted is units and has
        a ceiling. rates.json, block infrastructure. Cap: the bound above, at most 9 bits.
    """

    family: ClassVar[str] = "infrastructure"
    cap_bits: ClassVar[float] = 9.0
    field: str

    @property
    def name(self) -> str:
        """Stored with evidence: never renamed."""
        return f"{self.field}_collisions"

    @property
    def needs(self) -> frozenset[str]:
        """The field itself."""
        return frozenset({self.field})

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts units that have a value."""
        n_platform = platform(engine).n_units
        rates = shipped().infrastructure[self.field]
        read = accounts(engine, groups, ["org", self.field, f"{self.field}_units"])
        return statements_table(self, groups, (self._statement(g, n_platform, rates) for g in read))

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example(f"thirty accounts on six values of {self.field}", examples.shared(self.field), "for"),
            Example(f"each account on its own {self.field}", examples.each_its_own(self.field), "nothing"),
            Example(f"one {self.field} that thousands share", examples.crowded(self.field), "nothing"),
            Example(f"one company on one {self.field}", examples.one_organisation(self.field), "nothing"),
        )

    def _statement(self, group: dict[str, Plain], n_platform: int, rates: MeetingRates) -> Statement:
        value = group[self.field]
        unit = units(group)[value.known]
        popularity = np.maximum(group[f"{self.field}_units"].values, 1)[value.known]
        found = collisions(unit, value.values[value.known], popularity, n_platform)
        word = _WORDS[self.field]
        if found.n_units < 2:
            return Statement(0.0, f"Fewer than two units of the group have a {word}", found.n_units)
        usual = min(rates.base + found.expected_share, 0.95)
        bits = excess_bits(int(found.sharing), found.n_units, usual, rates.dispersion, rates.reach, rates.stray)
        reason = (
            f"{found.sharing:,.0f} of {found.n_units:,} organisations or lone accounts share a {word} with another of the group "
            f"({found.n_shared_values:,} shared values, crowded ones discounted), where {usual:.1%} would"
        )
        return Statement(bits, reason, found.n_units, found.sharing / found.n_units, usual)
