"""What a search looked at, as a tree, and its drawings for a page."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from seq2seq_pl.page import isolated, template
from seq2seq_pl.picture import Spot, readable
from seq2seq_pl.values import BOS, EOS, Candidate

SHOWN = 3  # pruned continuations of one hypothesis that are drawn; the others are counted
SIGNS = {"live": "→", "kept": "✓", "pruned": "✗"}
ROW, BOX, GAP = 30, 22, 40  # from row to row, height of a box, from column to column, all in pixels
LETTER, WIDE_LETTER, NOTE, MARGIN = 7.6, 13.5, 34, 8  # width of a letter, a Chinese letter, a percentage; all in pixels

STYLE = """
.tree svg { display: block; font: 13px system-ui, Roboto, "Noto Sans", sans-serif; }
.tree rect { fill: var(--back); stroke: var(--faint); }
.tree text { fill: var(--text); dominant-baseline: central; white-space: pre; }
.tree .chance, .tree .step { fill: var(--faint); font-size: 10px; font-variant-numeric: tabular-nums; }
.tree .chance { text-anchor: end; }
.tree path { fill: none; stroke: var(--faint); stroke-opacity: .55; }
.tree .pruned :is(rect, path) { stroke: var(--dead); stroke-dasharray: 3 3; }
.tree .pruned text { fill: var(--dead); }
.tree .folded rect { stroke: none; }
.tree .folded text { fill: var(--dead); font-style: italic; }
.tree .kept .ring { fill: none; stroke: var(--good); stroke-width: 1.5; }
.tree .kept path { stroke: var(--good); }
.tree .best rect { stroke: var(--accent); stroke-width: 2; }
.tree .best .box { fill: var(--accent-soft); }
.tree .best path { stroke: var(--accent); stroke-opacity: 1; }
.tree .best text { font-weight: 700; }
.tree figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
.outline { min-width: 30rem; max-width: 60rem; font-size: .875rem; }
.outline details details, .outline .leaf { margin-inline-start: .9rem; }
.outline summary + :last-child { margin-inline-start: 0; }
.outline :is(summary, .leaf) { display: block; min-width: 28rem; padding-inline-start: 1rem; }
.outline :is(summary, .leaf, .titles) { padding-block: .15rem; border-bottom: 1px solid var(--line); }
.outline :is(summary, .leaf):hover { background: var(--soft); }
.outline summary { cursor: pointer; }
.outline summary::before { content: "\\25b8"; position: absolute; margin-inline-start: -.9rem; }
.outline [open] > summary::before { content: "\\25be"; }
.outline .row { display: flex; }
.row > * { flex: 0 0 5.25rem; text-align: end; font-variant-numeric: tabular-nums; }
.row > :first-child { flex: 1; min-width: 5rem; text-align: start; white-space: pre-wrap; overflow-wrap: anywhere; }
.row > .fate { text-align: start; }
.row .pruned, .folded > summary { color: var(--dead); }
.row .kept { color: var(--good); }
.row > .best { font-weight: 700; color: var(--accent); }
.outline .titles { color: var(--faint); font-weight: 600; }
"""

# -- the tree --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A hypothesis of the search: the tokens from the root to here.

    Attributes:
        text: its last token, as the tokenizer writes it.
        candidate: what the search said of it; None for the root.
        before: log-probability of the tokens before the last.
        children: its continuations, in the order of the search.
        best: whether it is a beginning of the result.
    """

    text: str
    candidate: Candidate | None
    before: float
    children: tuple[Node, ...]
    best: bool

    @property
    def log_prob(self) -> float:
        """Log-probability of the last token; NaN where those before it are impossible."""
        return 0.0 if self.candidate is None else self.candidate.log_prob - self.before

    @property
    def chance(self) -> float:
        """Probability of the last token."""
        return math.exp(min(self.log_prob, 0.0)) if not math.isnan(self.log_prob) else 0.0

    @property
    def fate(self) -> str:
        """What became of it; "start" of the root."""
        return "start" if self.candidate is None else self.candidate.fate


def grow(steps: Sequence[Sequence[Candidate]], text_of: Callable[[int], str], best: Sequence[int]) -> Node:
    """The tree of all candidates of one sentence.

    Args:
        steps: the candidates of each step, as a `Watch` is told them.
        text_of: the token of an id.
        best: tokens of the hypothesis returned, which is marked; nothing is where the search did not report it.
    """
    marked = _path(steps, best)
    children: dict[int, list[Node]] = {}  # parent's place -> nodes of the step below
    for number in range(len(steps) - 1, -1, -1):
        before = {one.place: one.log_prob for one in (steps[number - 1] if number else ()) if one.fate == "live"}
        nodes: dict[int, list[Node]] = {}
        for place, one in enumerate(steps[number]):
            assert number == 0 or one.parent in before, f"step {number + 1} continues no live candidate {one.parent}"
            below = tuple(children.get(one.place, ())) if one.fate == "live" else ()
            node = Node(text_of(one.token), one, before.get(one.parent, 0.0), below, (number, place) in marked)
            nodes.setdefault(one.parent if number else 0, []).append(node)
        children = nodes
    return Node(text_of(BOS), None, 0.0, tuple(children.get(0, ())), bool(marked))


def _path(steps: Sequence[Sequence[Candidate]], best: Sequence[int]) -> set[tuple[int, int]]:
    """Step and place in its list of each candidate that the result consists of; with EOS if it ends so."""
    for wanted in ([*best, EOS], list(best)):
        for end in range(len(steps[len(wanted) - 1])) if 0 < len(wanted) <= len(steps) else ():
            path = [(len(wanted) - 1, end)]
            while path[-1][0] > 0:
                number, place = path[-1]
                parent = steps[number][place].parent
                above = (i for i, one in enumerate(steps[number - 1]) if one.fate == "live" and one.place == parent)
                path.append((number - 1, next(above)))
            tokens = [steps[number][place].token for number, place in reversed(path)]
            if tokens == wanted and steps[path[0][0]][end].fate != "pruned":
                return set(path)
    return set()


def _continuations(node: Node) -> tuple[list[Node], list[Node]]:
    """Those to show, the result's first and pruned ones last, and those to fold."""
    children = sorted(node.children, key=lambda child: (not child.best, child.fate == "pruned"))  # stable
    pruned = [child for child in children if child.fate == "pruned" and not child.best]
    folded = pruned[SHOWN:]
    return children[: len(children) - len(folded)], folded


# -- the outline -----------------------------------------------------------------------------------------------------

_OUTLINE = template("""\
{% macro row(node) %}
<span class="row"><bdi{% if node.best %} class="best"{% endif %}>{{ readable(node.text) }}</bdi>
{%- if node.candidate %}
<span class="fate {{ node.fate }}">{{ signs[node.fate] }} {{ node.fate }}</span>
<span><span class="hidden">log-prob</span> {{ "%.3f"|format(node.log_prob) }}</span>
<span><span class="hidden">total</span> {{ "%.3f"|format(node.candidate.log_prob) }}</span>
<span><span class="hidden">score</span> {{ "%.3f"|format(node.candidate.score) }}</span>
{%- endif %}</span>
{%- endmacro %}
<div class="scroll" role="region" tabindex="0" aria-label="Search, step by step">
<div class="outline">
<div class="titles" aria-hidden="true"><span class="row"><span>token</span><span class="fate">fate</span>
<span>log-prob</span><span>total</span><span>score</span></span></div>
{% for kind, node, folded in events %}
{% if kind == "open" %}
<details{% if node.best %} open{% endif %}><summary>{{ row(node) }}</summary>
{% elif kind == "fold" %}
<details class="folded"><summary>+{{ folded }} pruned</summary>
{% elif kind == "leaf" %}
<div class="leaf">{{ row(node) }}</div>
{% else %}
</details>
{% endif %}
{% endfor %}
</div>
</div>
""")


def outline(root: Node) -> Markup:
    """Lists within lists that open by a click, the path of the result open; needs no JavaScript."""
    return Markup(_OUTLINE.render(events=_events(root), readable=readable, signs=SIGNS))


def _events(root: Node) -> Iterator[tuple[str, Node, int]]:
    """What the outline says from top to bottom; without recursion, as an output may have hundreds of tokens."""
    stack: list[tuple[str, Node, Sequence[Node]]] = [("node", root, ())]
    while stack:
        kind, node, folded = stack.pop()
        if kind == "node" and not node.children:
            yield "leaf", node, 0
        elif kind == "node":
            yield "open", node, 0
            shown, hidden = _continuations(node)
            stack.append(("close", node, ()))
            stack.extend([("fold", node, hidden)] if hidden else [])
            stack.extend(("node", child, ()) for child in reversed(shown))
        else:
            yield kind, node, len(folded)
            stack.extend([("close", node, ())] if folded else [])
            stack.extend(("node", child, ()) for child in reversed(folded))


# -- the drawing -----------------------------------------------------------------------------------------------------

_DRAWING = template("""\
<figure class="tree">
<div class="scroll" role="region" tabindex="0" aria-label="Tree of the search">
<svg role="img" width="{{ width }}" height="{{ height }}" viewBox="0 0 {{ width }} {{ height }}">
<title>Tree of the search</title>
<desc>{{ description }}</desc>
{% for x in lefts %}
<text class="step" x="{{ x }}" y="{{ margin }}">{{ loop.index }}</text>
{% endfor %}
{% for spot in spots|sort(attribute="best") if spot.parent >= 0 %}
{% set start = spots[spot.parent] %}
{% set x, middle = start.x + start.width, spot.x - gap / 2 %}
<g class="{{ spot.fate }}{{ ' best' if spot.best }}"><path stroke-width="{{ '%.1f'|format(spot.line) }}"
 d="M{{ x }} {{ start.y }}C{{ middle }} {{ start.y }} {{ middle }} {{ spot.y }} {{ spot.x }} {{ spot.y }}"/></g>
{% endfor %}
{% for spot in spots %}
<g class="{{ spot.fate }}{{ ' best' if spot.best }}"><title>{{ spot.hint }}</title>
{% if spot.fate == "kept" %}
<rect class="ring" x="{{ spot.x - 3 }}" y="{{ spot.y - box / 2 - 3 }}" width="{{ spot.width + 6 }}" \
height="{{ box + 6 }}" rx="9"/>
{% endif %}
<rect class="box" x="{{ spot.x }}" y="{{ spot.y - box / 2 }}" width="{{ spot.width }}" height="{{ box }}" rx="6"/>
<text x="{{ spot.x + margin }}" y="{{ spot.y }}">{{ spot.text }}</text>
<text class="chance" x="{{ spot.x + spot.width - margin }}" y="{{ spot.y }}">{{ spot.note }}</text></g>
{% endfor %}
</svg>
</div>
<figcaption><span>bold: the result</span><span>ringed: kept as a result so far</span><span>dashed: pruned</span>
<span>per cent and width of the line: probability of the token</span></figcaption>
</figure>
""")


def drawing(root: Node) -> Markup:
    """The tree from left to right, a column for each step; what does not fit is scrolled to."""
    spots = layout(root)
    lefts = sorted({spot.x for spot in spots})
    result = " ".join(isolated(spot.text) for spot in spots if spot.best)
    return Markup(
        _DRAWING.render(
            spots=spots,
            lefts=lefts[1:],
            width=max(spot.x + spot.width for spot in spots) + MARGIN,
            height=max(spot.y for spot in spots) + ROW,
            description=f"{len(lefts) - 1} steps from left to right. The result: {result or 'none of these'}.",
            box=BOX,
            gap=GAP,
            margin=MARGIN,
        )
    )


def layout(root: Node) -> list[Spot]:
    """Where each node stands, parents before children; of a node's many pruned leaves the worst are one spot.

    A column is a step and is filled downwards, so that no two lines cross; the first continuation of a node stands
    straight right of it where there is room.
    """
    boxes = _boxes(root)
    widths: dict[int, int] = {}
    for box in boxes:
        widths[box.column] = max(box.width, widths.get(box.column, 0))
    lefts = [MARGIN]
    for column in range(len(widths)):
        lefts.append(lefts[-1] + widths[column] + GAP)
    return [
        Spot(
            x=lefts[box.column],
            y=(row + 1.5) * ROW,
            width=widths[box.column],
            text=box.text,
            note=box.note,
            hint=box.hint,
            fate="folded" if box.folded else box.node.fate,
            best=box.node.best,
            line=1 + 5 * box.node.chance,
            parent=box.parent,
        )
        for box, row in zip(boxes, _rows(boxes), strict=True)
    ]


@dataclass(frozen=True)
class _Box:
    """A node, or some pruned ones folded into one, before it has its place; `parent` is its parent's index."""

    node: Node
    folded: int
    column: int
    parent: int

    @property
    def text(self) -> str:
        return f"+{self.folded} pruned" if self.folded else readable(self.node.text)

    @property
    def note(self) -> str:
        return "" if self.folded or self.node.candidate is None else f"{self.node.chance:.0%}"

    @property
    def hint(self) -> str:
        one = self.node.candidate
        if self.folded or one is None:
            return self.text
        return (
            f"{isolated(self.text)}: {one.fate}, log-prob {self.node.log_prob:.4f}, "
            f"total {one.log_prob:.4f}, score {one.score:.4f}"
        )

    @property
    def width(self) -> int:
        """Pixels that its texts need in most fonts."""
        wide = sum(unicodedata.east_asian_width(character) in "WF" for character in self.text)
        marks = sum(unicodedata.category(character)[0] in "MC" for character in self.text)
        letters = len(self.text) - wide - marks
        stretch = 1.1 if self.node.best else 1.0  # of bold letters
        return math.ceil(stretch * (LETTER * letters + WIDE_LETTER * wide)) + (NOTE if self.note else 0) + 2 * MARGIN


def _boxes(root: Node) -> list[_Box]:
    """Depth first: each directly before its first continuation."""
    boxes: list[_Box] = []
    stack = [_Box(root, 0, 0, -1)]
    while stack:
        box = stack.pop()
        boxes.append(box)
        if not box.folded:
            shown, folded = _continuations(box.node)
            place = box.column + 1, len(boxes) - 1
            stack.extend(_Box(child, len(folded), *place) for child in folded[:1])
            stack.extend(_Box(child, 0, *place) for child in reversed(shown))
    return boxes


def _rows(boxes: Sequence[_Box]) -> list[float]:
    """The row of each box, with some room between continuations of different boxes."""
    rows: list[float] = []
    lowest: dict[int, int] = {}  # the last box of each column
    for place, box in enumerate(boxes):
        row = rows[box.parent] if rows else 0.0
        if box.column in lowest:
            above = lowest[box.column]
            row = max(row, rows[above] + (1 if boxes[above].parent == box.parent else 1.5))
        rows.append(row)
        lowest[box.column] = place
    return rows
