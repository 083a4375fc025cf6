"""Self-contained HTML pages: one file that any browser shows offline, and the pieces that such a page is made of."""

from __future__ import annotations

import base64
import difflib
import hashlib
import io
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape
from matplotlib.image import imsave
from numpy.typing import NDArray

from seq2seq_pl.picture import readable
from seq2seq_pl.scripts import UNSPACED

TALL = 30  # rows; a longer table scrolls below headings that stay
LONG = 24  # characters; a longer text gets a column wide enough to read it in

_MARKS = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)).startswith("M"))
_UNSPACED = f"{UNSPACED}\u3001-\u303f"  # and their punctuation
_UNIT = re.compile(rf"\s*(?:[{_UNSPACED}][{_MARKS}]*|[^\s{_UNSPACED}]+)")
"""A word with the white space before it; in scripts without spaces, from Thai to Chinese, a letter."""

_CONTROLS = set(range(0x20)) - set(map(ord, "\t\n\r")) | set(range(0x7F, 0xA0))
_UNSHOWN = dict.fromkeys([*_CONTROLS, 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")
"""Characters that HTML or UTF-8 forbids or that no font shows."""

# -- the page --------------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --faint: #59636e; --line: #d7dce2; --soft: #f4f6f8;
  --accent: #0b57b0; --accent-soft: #e2edfa; --good: #14713a; --dead: #6b747e; --gone: #fbe3e1; --new: #d9f2df;
  --heat: 0 60 160; --cold: #000; --hot: #fff; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --text: #e4e8ec; --faint: #9da7b2; --line: #353c45;
  --soft: #1d2127; --accent: #8ab8ff; --accent-soft: #1c304c; --good: #74d396; --dead: #8b949e; --gone: #572a2b;
  --new: #1d4529; --heat: 110 165 235; --cold: #fff; --hot: #000; } }
body { margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 78rem; background: var(--back);
  color: var(--text); font: 1rem/1.55 system-ui, Roboto, "Noto Sans", sans-serif; overflow-wrap: break-word; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 0 0 .75rem; font-size: 1.25rem; line-height: 1.3; }
.subtitle, .note, .corner, figcaption, caption { color: var(--faint); }
.subtitle { margin: .35rem 0 0; }
section { margin-top: 2.75rem; scroll-margin-top: 1rem; }
section > p { max-width: 48rem; }
nav { margin-top: 1.5rem; padding: .75rem 1.1rem; border-radius: .5rem; background: var(--soft); font-size: .925rem; }
nav ol { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
a { color: var(--accent); }
img { display: block; max-width: 100%; height: auto; border-radius: .375rem; }
figure, .scroll { margin: 1rem 0; }
figcaption, caption { max-width: calc(100vw - 2rem); padding: .5rem 0; font-size: .875rem; text-align: start; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.scroll { position: relative; overflow-x: auto; background: linear-gradient(var(--back), var(--back)) 0 0,
  linear-gradient(var(--back), var(--back)) 100% 0, linear-gradient(90deg, var(--line), transparent) 0 0,
  linear-gradient(-90deg, var(--line), transparent) 100% 0; background-attachment: local, local, scroll, scroll;
  background-size: .75rem 100%; background-repeat: no-repeat; }
.tall { max-height: 85vh; border: solid var(--line); border-width: 1px 0; }
table { border-spacing: 0; font-size: .925rem; line-height: 1.45; }
.data :is(th, td) { padding: .4rem .7rem; border-bottom: 1px solid var(--line); text-align: start;
  vertical-align: top; font-weight: inherit; }
.data :is(th, td):first-child { padding-inline-start: .35rem; }
.data thead th { position: sticky; top: 0; z-index: 1; border-bottom-width: 2px; background: var(--back);
  color: var(--faint); font-weight: 600; vertical-align: bottom; white-space: nowrap; }
.data tbody tr:hover > * { background: var(--soft); }
.data .number { text-align: end; font-variant-numeric: tabular-nums lining-nums; white-space: nowrap; }
.data .long { min-width: min(12rem, 60vw); max-width: 44rem; overflow-wrap: anywhere; }
.data .best { color: var(--accent); font-weight: 700; }
.best .value { margin: 0 -.35em; padding: .1em .35em; border-radius: .25em; background: var(--accent-soft); }
.note { display: block; font-size: .85em; font-weight: 400; }
thead button { padding: 0; border: 0; background: none; color: inherit; font: inherit; cursor: pointer; }
thead button::after { content: "\\2195"; display: inline-block; width: 1.1em; text-align: end; opacity: .45; }
[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; color: var(--accent); }
[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; color: var(--accent); }
mark { border-radius: .2em; color: inherit; text-decoration: underline 1.5px; text-underline-offset: .22em; }
mark.gone { background: var(--gone); text-decoration-style: dotted; }
mark.new { background: var(--new); }
.heat :is(th, .corner) { padding: .1rem .4rem; font-size: .8125rem; font-weight: 400; white-space: nowrap; }
.heat thead * { vertical-align: bottom; }
.heat .turned { writing-mode: vertical-rl; text-orientation: sideways; transform: rotate(180deg); }
.heat tbody th { position: sticky; left: 0; background: var(--back); text-align: end; }
.heat tbody td { min-width: 1.9rem; height: 1.9rem; padding: 0; border: 1px solid var(--back); border-radius: .3rem;
  background: rgb(var(--heat) / var(--weight)) padding-box; box-shadow: inset 0 0 0 1px var(--soft);
  color: var(--cold); font-size: .6875rem; font-variant-numeric: tabular-nums; text-align: center; }
.heat tbody .full { color: var(--hot); }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .scroll { overflow: visible; max-height: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } thead button::after { content: none; }
  .data thead th { position: static; } svg { max-width: 100%; height: auto; }
  tr, img, svg { break-inside: avoid; } h2 { break-after: avoid; } }
"""

SCRIPT = """
const collator = new Intl.Collator(undefined, {numeric: true});
const isMissing = ([key]) => key === "" || Number.isNaN(key);
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const numeric = head.classList.contains("number");
    const compare = numeric ? (a, b) => (a > b) - (a < b) : collator.compare;
    const key = ({cells: {[column]: cell}}) => numeric ? parseFloat(cell.dataset.value) : cell.textContent.trim();
    const button = Object.assign(document.createElement("button"), {type: "button"});
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort((a, b) => isMissing(a) - isMissing(b) || (isMissing(a) ? 0 : (up ? 1 : -1) * compare(a[0], b[0])));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
"""

_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def template(source: str) -> Template:
    """A Jinja2 template that escapes whatever is not Markup."""
    return _ENVIRONMENT.from_string(source)


def isolated(text: str) -> str:
    """A text that does not change the direction of what it stands in, for places that have no tags."""
    return f"\u2068{text}\u2069"


_PAGE = template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
script-src 'sha256-{{ digest }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
<body>
<header>
<h1 dir="auto">{{ title }}</h1>
{% if subtitle %}<p class="subtitle" dir="auto">{{ subtitle }}</p>{% endif %}
{% if sections|length > 2 %}
<nav aria-label="Contents"><ol>
{% for section in sections %}
<li><a href="#section-{{ loop.index }}"><bdi>{{ section.title }}</bdi></a></li>
{% endfor %}
</ol></nav>
{% endif %}
</header>
<main>
{% for section in sections %}
<section id="section-{{ loop.index }}" aria-labelledby="title-{{ loop.index }}">
<h2 id="title-{{ loop.index }}" dir="auto">{{ section.title }}</h2>
{{ section.body }}
</section>
{% endfor %}
</main>
<script>{{ script }}</script>
</body>
</html>
""")


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading of its own."""

    title: str
    body: Markup


def page(title: str, sections: Sequence[Section], subtitle: str = "", *, style: str = "") -> str:
    """A whole document, to be written as UTF-8; `style` is what its sections need beyond `STYLE`.

    Its policy forbids it to load anything and to run any script but its own.
    """
    code = {"script": Markup(SCRIPT), "digest": base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}
    document = _PAGE.render(code, title=title, subtitle=subtitle, sections=sections, style=Markup(STYLE + style))
    return document.translate(_UNSHOWN)


# -- tables ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """A cell that is sorted by its value.

    Attributes:
        value: NaN is shown as a dash and sorted last.
        form: how Python formats it.
        note: what stands below it, such as an interval.
        best: whether it is marked as the best of its column.
    """

    value: float
    form: str = ",.2f"
    note: str = ""
    best: bool = False

    @property
    def shown(self) -> str:
        """The value in its format."""
        return "–" if math.isnan(self.value) else format(self.value, self.form)

    @property
    def key(self) -> str:
        """The value as JavaScript reads it."""
        return repr(float(self.value)).replace("inf", "Infinity")


Cell = str | Markup | int | float | Number

_TABLE = template("""\
<div class="scroll{{ ' tall' if rows|length > tall }}" role="region" tabindex="0" aria-label="{{ caption or 'Table' }}">
<table class="data{{ ' sortable' if rows|length > 1 }}">
{% if caption %}<caption dir="auto">{{ caption }}</caption>{% endif %}
<thead><tr>
{% for heading, is_number in columns %}
<th scope="col"{% if is_number %} class="number"{% endif %}>{{ heading }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for row in rows %}
<tr>
{%- for cell in row %}
<{{ 'th scope="row"'|safe if loop.first else 'td' }}
{%- if cell.shown is defined %}
 class="number{{ ' best' if cell.best }}" data-value="{{ cell.key }}"><span class="value">{{ cell.shown }}</span>
{%- if cell.best %}<span class="hidden"> (best)</span>{% endif %}
{%- if cell.note %}<span class="note">{{ cell.note }}</span>{% endif %}
{%- else %}
{% if cell|striptags|length > long %} class="long"{% endif %} dir="auto">{{ cell }}
{%- endif %}
</{{ 'th' if loop.first else 'td' }}>
{%- endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
""")


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, caption: str = "") -> Markup:
    """A table that a click on a heading sorts: a column of numbers by their values, others as text; stable.

    The first cell of a row names the row. A column is one of numbers if each of its cells is a number or "".
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    assert all(len(row) == len(headings) for row in cells)
    kinds = [{type(row[place]) for row in cells if row[place] != ""} for place in range(len(headings))]
    columns = [(heading, kind == {Number}) for heading, kind in zip(headings, kinds, strict=True)]
    return Markup(_TABLE.render(columns=columns, rows=cells, caption=caption, tall=TALL, long=LONG))


def _cell(cell: Cell) -> str | Number:
    if isinstance(cell, (str, Number)):
        return cell
    return Number(cell, "," if isinstance(cell, int) else ",.2f")


# -- pictures --------------------------------------------------------------------------------------------------------

_HEATMAP = template("""\
<div class="scroll" role="region" tabindex="0" aria-label="{{ caption or 'Attention' }}">
<table class="heat">
{% if caption %}<caption dir="auto">{{ caption }}</caption>{% endif %}
<thead><tr>
<td class="corner">target \\ source</td>
{% for label in columns %}
<th scope="col"><bdi{% if label|length > 2 %} class="turned"{% endif %}>{{ label }}</bdi></th>
{% endfor %}
</tr></thead>
<tbody>
{% for label, weights in rows %}
<tr><th scope="row"><bdi>{{ label }}</bdi></th>
{%- for weight in weights %}
<td style="--weight:{{ '%.3f'|format(weight) }}"{% if weight > 0.7 %} class="full"{% endif %}
 title="{{ isolated(label) }} ← {{ isolated(columns[loop.index0]) }}: {{ '%.4f'|format(weight) }}">
{{- ('%.2f'|format(weight)).lstrip('0') if weight >= 0.05 }}</td>
{%- endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
""")


def heatmap(
    weights: NDArray[np.floating], target_tokens: Sequence[str], source_tokens: Sequence[str], caption: str = ""
) -> Markup:
    """Where the decoder looked, drawn by the browser, which has fonts and directions for every script.

    Args:
        weights: (T, S), each in [0, 1].
        target_tokens: T tokens as the tokenizer writes them.
        source_tokens: S tokens.
    """
    rows = list(zip((readable(token) for token in target_tokens), weights.tolist(), strict=True))
    columns = [readable(token) for token in source_tokens]
    assert all(len(row) == len(columns) for _, row in rows)
    return Markup(_HEATMAP.render(rows=rows, columns=columns, caption=caption, isolated=isolated))


def image(pixels: NDArray[np.uint8], alt: str) -> Markup:
    """A picture inside the page; pixels (height, width, 3)."""
    file = io.BytesIO()
    imsave(file, pixels, format="png")
    data = base64.b64encode(file.getvalue()).decode()
    height, width = pixels.shape[:2]
    tag = Markup('<img src="data:image/png;base64,{}" width="{}" height="{}" alt="{}">')
    return tag.format(data, width, height, alt)


# -- text ------------------------------------------------------------------------------------------------------------


def difference(a: str, b: str) -> tuple[Markup, Markup]:
    """Both texts with the words marked that the other has not; letters, where a script has no spaces."""
    units = _UNIT.findall(a), _UNIT.findall(b)
    first, second = ([unit.strip() for unit in side] for side in units)
    blocks = difflib.SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    shared_a = {block.a + place for block in blocks for place in range(block.size)}
    shared_b = {block.b + place for block in blocks for place in range(block.size)}
    return _marked(units[0], shared_a, "gone"), _marked(units[1], shared_b, "new")


def _marked(units: Sequence[str], shared: set[int], kind: str) -> Markup:
    pieces = []
    for is_shared, places in groupby(range(len(units)), key=shared.__contains__):
        text = "".join(units[place] for place in places)
        if is_shared:
            pieces.append(escape(text))
        else:
            word = text.lstrip()
            pieces.append(Markup('{}<mark class="{}">{}</mark>').format(text[: -len(word)], kind, word))
    return Markup().join(pieces)
