"""What a member may use up in a day (UTC), counted in the database so that all processes count together."""

from stillwatch.sharing.taxii import times
from stillwatch.sharing.taxii.database import Transaction


class QuotaError(Exception):
    """The day's quota would be exceeded; nothing was counted."""


def spend(transaction: Transaction, member: str, what: str, count: int, a_day: int) -> None:
    """
    Count, or refuse.

    Args:
        what: Name of the quota.
        a_day: How many a day; 0 is no limit.

    Raises:
        QuotaError: more than is left.
    """
    if not a_day:
        return
    transaction.lock(f"quota {member}")
    day = times.now_us() // times.DAY_US
    row = transaction.one("SELECT used FROM quota WHERE member = ? AND day = ? AND what = ?", member, day, what)
    used = (row[0] if row else 0) + count
    if used > a_day:
        raise QuotaError
    if row is None:
        transaction.run("INSERT INTO quota VALUES (?, ?, ?, ?)", member, day, what, used)
    else:
        transaction.run("UPDATE quota SET used = ? WHERE member = ? AND day = ? AND what = ?", used, member, day, what)
