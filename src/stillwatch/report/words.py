"""Numbers and times as a person reads them; no locale, so that the same results give the same page."""

import math
from datetime import datetime

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPELLED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_BITS = 60.0  # beyond it a likelihood ratio says more about the model than about the world


def count(n: int) -> str:
    """
    >>> count(1204331)
    '1,204,331'
    """
    return f"{n:,}"


def spelled(n: int) -> str:
    """
    >>> spelled(3), spelled(40)
    ('three', '40')
    """
    return _SPELLED[n] if 0 <= n < len(_SPELLED) else count(n)


def plural(n: int, noun: str) -> str:
    """
    >>> plural(1, "account"), plural(2, "account")
    ('1 account', '2 accounts')
    """
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


def bits(x: float) -> str:
    """
    Bits with their sign.

    >>> bits(9.44), bits(-1.7), bits(0.0)
    ('+9.4', '−1.7', '0.0')
    """
    shown = f"{abs(x):.1f}"
    if shown == "0.0":
        return shown
    return ("−" if x < 0 else "+") + shown


def share(x: float) -> str:
    """
    A share of 0…1 in per cent.

    >>> share(0.742), share(0.0004), share(0.0), share(0.031), share(0.05)
    ('74 %', '< 0.1 %', '0 %', '3.1 %', '5 %')
    """
    if x == 0.0 or x >= 0.0995:
        return f"{100 * x:.0f} %"
    return "< 0.1 %" if x < 0.001 else f"{100 * x:.1f}".removesuffix(".0") + " %"


def probability(p: float) -> str:
    """
    >>> probability(2.1e-7), probability(0.034), probability(0.0)
    ('2.1 × 10⁻⁷', '0.034', '0')
    """
    if p == 0.0:
        return "0"
    if p >= 0.001:
        return f"{p:.2g}"
    exponent = math.floor(math.log10(p))
    mantissa = f"{p / 10**exponent:.1f}"
    if mantissa == "10.0":
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa} × 10{str(exponent).translate(_RAISED)}"


def odds(x: float) -> str:
    """
    A log2 likelihood ratio in plain words.

    >>> odds(19.2)
    'about 600,000 times likelier'
    >>> odds(-3.0)
    'about 8 times less likely'
    >>> odds(0.2), odds(0.6), odds(80.0)
    ('as likely', '1.5 times likelier', 'more than 10¹⁸ times likelier')
    """
    which = "likelier" if x > 0 else "less likely"
    size = abs(x)
    if size < 0.3:
        return "as likely"
    if size > _MOST_BITS:
        return f"more than 10¹⁸ times {which}"
    ratio = 2.0**size
    if ratio < 3:
        return f"{ratio:.1f} times {which}"
    return f"about {_one_digit(ratio)} times {which}"


def _one_digit(x: float) -> str:
    if x < 20:
        return f"{x:.0f}"
    digits = 10 ** (math.floor(math.log10(x)) - (0 if x >= 1000 else 1))
    rounded = round(x / digits) * digits
    if rounded >= 10**9:
        exponent = math.floor(math.log10(rounded))
        lead = round(rounded / 10**exponent)
        return ("" if lead == 1 else f"{lead} × ") + f"10{str(exponent).translate(_RAISED)}"
    return f"{rounded:,.0f}"


def tokens(n: int) -> str:
    """
    >>> tokens(48_000_000), tokens(6_120), tokens(812), tokens(3_100_000_000)
    ('48.0 million', '6,120', '812', '3.10 billion')
    """
    if n >= 10**9:
        return f"{n / 10**9:.2f} billion"
    return f"{n / 10**6:.1f} million" if n >= 10**6 else count(n)


def dollars(x: float) -> str:
    """
    >>> dollars(1412.5), dollars(3.4)
    ('$1,412', '$3.40')
    """
    return f"${x:,.2f}" if x < 100 else f"${math.floor(x):,}"


def figure(x: float) -> str:
    """
    A statistic: three significant digits, no exponent below a million.

    >>> figure(0.9312), figure(212.0), figure(14.72), figure(1203311.0)
    ('0.931', '212', '14.7', '1,203,311')
    """
    if abs(x) >= 1000:
        return f"{x:,.0f}"
    return f"{x:.3g}"


def day(moment: datetime) -> str:
    """
    >>> day(datetime(2026, 11, 3))
    '3 Nov 2026'
    """
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def minute(moment: datetime) -> str:
    """
    >>> minute(datetime(2026, 11, 3, 7, 5))
    '3 Nov 2026, 07:05'
    """
    return f"{day(moment)}, {moment.hour:02}:{moment.minute:02}"


def moment(at: datetime, with_year: bool) -> str:
    """
    >>> moment(datetime(2026, 11, 3, 7, 5), False)
    '3 Nov, 07:05'
    """
    return minute(at) if with_year else f"{at.day} {MONTHS[at.month - 1]}, {at.hour:02}:{at.minute:02}"
