"""A forest as Graphviz text, as a picture (SVG), and as plain values for JSON."""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from stillwatch.lineage.base import print_p
from stillwatch.lineage.tree import Edge, Forest
from stillwatch.records.visible import visible


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a checkpoint stands: `row` counts leaves from the top, `depth` edges from its root."""

    name: str
    row: float
    depth: int


def places(forest: Forest) -> list[Spot]:
    """One spot a checkpoint; a parent stands in the middle of its children, families follow each other downwards."""
    children: dict[str, list[str]] = {}
    for edge in forest.edges:
        children.setdefault(edge.parent, []).append(edge.child)
    spots: list[Spot] = []
    for root, _ in forest.roots:
        _place(root, children, 0, spots)
    return spots


def _place(name: str, children: dict[str, list[str]], depth: int, spots: list[Spot]) -> float:
    below = [_place(child, children, depth + 1, spots) for child in children.get(name, ())]
    leaves = sum(spot.name not in children for spot in spots)
    row = (below[0] + below[-1]) / 2.0 if below else float(leaves)
    spots.append(Spot(name, row, depth))
    return row


def dot(forest: Forest) -> str:
    """Graphviz text: solid edges from the exact test, dashed ones calibrated; arrows are advice."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(s.name)} [label={_quoted(s.name + chr(10) + s.family)}];" for s in forest.sketches]
    for edge in forest.edges:
        style = "solid" if edge.exact else "dashed"
        lines.append(f"  {_quoted(edge.parent)} -> {_quoted(edge.child)} [label={_quoted(_label(edge))}, style={style}];")
    return "\n".join([*lines, "}", ""])


def _label(edge: Edge) -> str:
    return f"{'exact' if edge.exact else 'calibrated'}, p {print_p(edge.log10_p)}"


def _quoted(text: str) -> str:
    return '"' + visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_ROW, _COLUMN, _MARGIN, _BOX = 34, 260, 20, (220, 24)


def svg(forest: Forest) -> str:
    """The forest as a picture that needs no other file: a box a checkpoint, parents left of their children."""
    spots = {spot.name: spot for spot in places(forest)}
    width = _MARGIN * 2 + _COLUMN * max(spot.depth for spot in spots.values()) + _BOX[0]
    height = _MARGIN * 2 + _ROW * int(max(spot.row for spot in spots.values()) + 1)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif"'
        ' font-size="12">',
        f"<title>{len(spots)} checkpoints in {len(forest.roots)} families</title>",
    ]
    for edge in forest.edges:
        (x, y), (to_x, to_y) = _corner(spots[edge.parent]), _corner(spots[edge.child])
        dashes = "" if edge.exact else ' stroke-dasharray="5 4"'
        told = escape(visible(f"{edge.parent} to {edge.child}: {_label(edge)}"))
        path = f"M{x + _BOX[0]} {y + _BOX[1] / 2:g} C{to_x - 10} {y + _BOX[1] / 2:g} {x + _BOX[0] + 10} {to_y + _BOX[1] / 2:g}"
        path += f" {to_x} {to_y + _BOX[1] / 2:g}"
        drawn.append(f'<path d="{path}" fill="none" stroke="currentColor"{dashes}><title>{told}</title></path>')
    for spot in spots.values():
        x, y = _corner(spot)
        name = visible(spot.name)
        short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        drawn.append(f'<rect x="{x}" y="{y:g}" width="{_BOX[0]}" height="{_BOX[1]}" rx="4" fill="none" stroke="currentColor"/>')
        drawn.append(f'<text x="{x + 8}" y="{y + 16:g}" fill="currentColor">{escape(short)}<title>{escape(name)}</title></text>')
    return "\n".join([*drawn, "</svg>", ""])


_LONGEST = 32  # letters that fit a box


def _corner(spot: Spot) -> tuple[int, float]:
    return _MARGIN + _COLUMN * spot.depth, _MARGIN + _ROW * spot.row


def plain(forest: Forest) -> dict[str, Any]:
    """The forest as values that JSON knows; sketches as the few facts that people ask for."""
    return {
        "checkpoints": [
            {
                "name": s.name,
                "family": s.family,
                "n_parameters": s.n_parameters,
                "bits_a_weight": s.bits,
                "zero_share": s.zeros,
                "n_tokens": s.n_tokens,
                "kurtosis": round(s.kurtosis, 4),
            }
            for s in forest.sketches
        ],
        "edges": [asdict(edge) for edge in forest.edges],
        "roots": [{"name": name, "n_descendants": n} for name, n in forest.roots],
        "unreadable": [{"name": name, "reason": reason} for name, reason in forest.unreadable],
        "n_pairs": forest.n_pairs,
        "n_tested": forest.n_tested,
    }
