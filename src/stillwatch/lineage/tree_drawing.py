"""A forest as Graphviz text, and as places on a page from which a report draws it."""

from dataclasses import dataclass

from stillwatch.lineage.base import print_p
from stillwatch.lineage.tree import Forest


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
    """
    Graphviz text: solid edges from the exact test, dashed ones calibrated; arrows are advice.
    """
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(s.name)} [label={_quoted(s.name + chr(10) + s.family)}];" for s in forest.sketches]
    for edge in forest.edges:
        label = f"p {print_p(edge.log10_p)}" if edge.exact else f"calibrated, p {print_p(edge.log10_p)}"
        style = "solid" if edge.exact else "dashed"
        lines.append(f"  {_quoted(edge.parent)} -> {_quoted(edge.child)} [label={_quoted(label)}, style={style}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
