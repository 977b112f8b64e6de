"""
Heat maps as SVG: one hue from light to dark, the number in every cell, and no meaning that colour alone carries.

Text is black or white, whichever has more contrast: at least 4.5 : 1 on any shade (WCAG 2.2, success criterion 1.4.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LIGHT, DARK = (241, 245, 251), (11, 60, 120)
CELL_W, CELL_H, LEFT, TOP, BELOW, GAP = 44, 28, 62, 58, 40, 18
_FONT = 'font-family="system-ui, sans-serif"'


@dataclass(frozen=True, slots=True)
class Panel:
    """
    One heat map.

    Args:
        title: Above it.
        down, across: What rows and columns are.
        rows, columns: Their labels.
        shares: A row of shares for each row label, 0…1; None = not measured.
    """

    title: str
    down: str
    across: str
    rows: Sequence[str]
    columns: Sequence[str]
    shares: Sequence[Sequence[float | None]]


def svg(title: str, description: str, panels: Sequence[Panel]) -> str:
    """The panels side by side; title and description are read out in their place."""
    widths = [LEFT + CELL_W * len(p.columns) + GAP for p in panels]
    height = TOP + max(CELL_H * len(p.rows) for p in panels) + BELOW
    drawn, at = [], 0
    for panel, width in zip(panels, widths, strict=True):
        drawn.append(f'<g transform="translate({at} 0)">\n{_panel(panel)}</g>\n')
        at += width
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {at} {height}" width="{at}" height="{height}" role="img" '
        f'aria-labelledby="title description">\n<title id="title">{escape(title)}</title>\n'
        f'<desc id="description">{escape(description)}</desc>\n<rect width="{at}" height="{height}" fill="#ffffff"/>\n'
        + "".join(drawn)
        + "</svg>\n"
    )


def shade(share: float) -> tuple[int, int, int]:
    """
    Colour of a share, 0…1.

    >>> shade(0.0) == LIGHT, shade(1.0) == DARK
    (True, True)
    """
    red, green, blue = (round(low + share * (high - low)) for low, high in zip(LIGHT, DARK, strict=True))
    return red, green, blue


def ink(ground: tuple[int, int, int]) -> str:
    """Black or white, whichever is easier to read on it."""
    return "#000000" if contrast(ground, (0, 0, 0)) >= contrast(ground, (255, 255, 255)) else "#ffffff"


def contrast(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    """
    Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it.

    >>> round(contrast((0, 0, 0), (255, 255, 255)))
    21
    """
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _panel(panel: Panel) -> str:
    middle = LEFT + CELL_W * len(panel.columns) / 2
    bottom = TOP + CELL_H * len(panel.rows)
    out = [
        _text(middle, 20, panel.title, 14, "middle", bold=True),
        _text(middle, bottom + 34, panel.across, 12, "middle"),
        _text(LEFT - 8, TOP - 10, panel.down, 12, "end"),
    ]
    out += [_text(LEFT + CELL_W * (n + 0.5), bottom + 16, label, 12, "middle") for n, label in enumerate(panel.columns)]
    for row, label in enumerate(panel.rows):
        out.append(_text(LEFT - 8, TOP + CELL_H * (row + 0.5) + 4, label, 12, "end"))
        out += [_cell(row, column, share) for column, share in enumerate(panel.shares[row])]
    return "".join(out)


def _cell(row: int, column: int, share: float | None) -> str:
    x, y = LEFT + CELL_W * column, TOP + CELL_H * row
    ground = (255, 255, 255) if share is None else shade(share)
    red, green, blue = ground
    fill = f"#{red:02x}{green:02x}{blue:02x}"
    box = f'<rect x="{x}" y="{y}" width="{CELL_W - 2}" height="{CELL_H - 2}" fill="{fill}" stroke="#5a6675"/>\n'
    told = "–" if share is None else f"{100 * share:.0f}"
    return box + _text(x + CELL_W / 2 - 1, y + CELL_H / 2 + 3, told, 12, "middle", fill=ink(ground))


def _text(x: float, y: float, told: str, size: int, anchor: str, bold: bool = False, fill: str = "#1a1f26") -> str:
    style = f'{_FONT} font-size="{size}" text-anchor="{anchor}"' + (' font-weight="600"' if bold else "")
    return f'<text x="{x:g}" y="{y:g}" {style} fill="{fill}">{escape(told)}</text>\n'
