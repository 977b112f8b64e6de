"""`stillwatch exchange member record` and `release`: what became of what members published."""

import dataclasses

import click

from stillwatch.cli.exchange_options import JSON, STORE, show
from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import database, times, track
from stillwatch.sharing.taxii.members import Members


@click.command("record")
@STORE
@JSON
def record(store: str, kind: str) -> None:
    """
    Each member's track record: how many of its indicators others confirmed or dispute, and what an operator may do.

    Confirmed: another member has seen it or agrees, and more do than disagree. Disputed: at least two disagree, and more than
    agree. Precision is the share of confirmed among both.
    """
    rows = [
        {
            "member": one.member.id,
            "role": one.member.role,
            "quarantined": one.member.quarantined,
            "indicators": one.n_indicators,
            "confirmed": one.n_confirmed,
            "disputed": one.n_disputed,
            "precision": None if one.precision is None else round(one.precision, 2),
            "sightings_and_opinions": one.n_given,
            "advice": one.advice,
        }
        for one in track.records(database.connect(store), times.now_us())
    ]
    show(kind, rows)


@click.command("release")
@STORE
@click.argument("name")
def release(store: str, name: str) -> None:
    """Let a member out of quarantine whose record is good enough; `member set --trusted` does it in any case."""
    opened = database.connect(store)
    known = next((one for one in track.records(opened, times.now_us()) if one.member.id == name), None)
    if known is None:
        raise SharingError(f"there is no member '{name}'. See: exchange member list")
    if not known.member.quarantined:
        raise SharingError(f"member '{name}' is not in quarantine")
    if not known.releasable:
        raise SharingError(f"member '{name}': {known.advice}. To let it out all the same: exchange member set {name} --trusted")
    Members(opened).change(dataclasses.replace(known.member, quarantined=False))
    click.echo(f"member {name} publishes at once: {known.n_confirmed} of {known.n_judged} judged indicators are confirmed")
