"""The page of a comparison: <- what was compared and what was found."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from seq2seq_pl.charts import changes, curves, points
from seq2seq_pl.command_config import CompareConfig
from seq2seq_pl.findings import LEVEL, SEED, Findings, changed
from seq2seq_pl.page import Cell, Number, Section, difference, image, page, table, template
from seq2seq_pl.picture import pixels
from seq2seq_pl.significance import Interval
from seq2seq_pl.systems import Systems

STYLE = """
h3 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
.data .long:has(.texts) { max-width: none; }
.texts { display: grid; grid-template-columns: fit-content(16rem) 1fr; gap: .1rem .9rem; margin: 0; }
.texts dt { color: var(--faint); }
.texts dd { margin: 0; min-width: 14rem; }
"""

_TEXTS = template("""\
<dl class="texts">
{% for name, text in rows %}
<dt><bdi>{{ name }}</bdi></dt><dd dir="auto">{{ text }}</dd>
{% endfor %}
</dl>
""")

TESTS = {"bootstrap": "paired bootstrap", "randomization": "approximate randomization"}
NO_SOURCES = "None of the runs has a sources.txt, so there are no scores by source length and no sources below."


def describe(systems: Systems, found: Findings, asked: CompareConfig) -> str:
    """The page."""
    names = [system.name for system in systems.systems]
    sections = [
        Section("Runs", _runs(systems)),
        Section("Scores", _scores(systems, found, asked)),
        Section(f"Differences from {names[0]}", _contrasts(systems, found, asked)),
    ]
    if any(len(group.members) > 1 for group in systems.groups):
        sections.append(Section("Over seeds", _spreads(systems, found)))
    sections.append(Section("By source length", _lengths(systems, found)))
    sections += [
        Section(f"Sentences: {name}", _sentences(systems, found, place, asked.sentences))
        for place, name in enumerate(names[1:], start=1)
    ]
    if systems.settings:
        sections.append(Section("Settings in which they differ", _settings(systems)))
    title = f"{names[0]} and {names[1]}" if len(names) == 2 else f"{names[0]} and {len(names) - 1} others"
    subtitle = f"{len(systems.references):,} sentences, split {asked.split}"
    return page(f"Comparison of {title}", sections, subtitle, style=STYLE)


def paragraph(text: str) -> Markup:
    """A paragraph of plain text."""
    return Markup("<p>{}</p>\n").format(text)


def ends(interval: Interval | None) -> str:
    """Both ends of an interval; "" for none."""
    return f"{interval.low:.2f} – {interval.high:.2f}" if interval else ""


# -- runs and scores -------------------------------------------------------------------------------------------------


def _runs(systems: Systems) -> Markup:
    rows: list[list[Cell]] = []
    for place, system in enumerate(systems.systems):
        seed: Cell = Number(system.seed, "d") if system.seed is not None else ""
        rows.append([f"{system.name} (baseline)" if place == 0 else system.name, system.found.outputs, seed])
    made = table(["run", "outputs", "seed"], rows)
    if systems.left_out:
        made += paragraph(f"Left out, as they have no outputs of this split: {', '.join(systems.left_out)}.")
    return made


def _settings(systems: Systems) -> Markup:
    headings = ["setting", *(system.name for system in systems.systems)]
    return table(headings, [[key, *(value or "" for value in values)] for key, values in systems.settings.items()])


def _scores(systems: Systems, found: Findings, asked: CompareConfig) -> Markup:
    rows: list[list[Cell]] = []
    for place, system in enumerate(systems.systems):
        row: list[Cell] = [system.name]
        for column in found.columns:
            spread = ends(column.intervals[place]) if column.intervals else ""
            row.append(Number(column.scores[place].value, note=spread, best=place in column.best()))
        rows.append(row)
    headings = ["run", *(column.name for column in found.columns)]
    caption = "The best of each column is marked."
    if any(column.intervals for column in found.columns):
        caption += f" Below a score, its 95 % interval: bootstrap over sentences, {asked.resamples:,} samples."
    signatures: list[list[Cell]] = [
        [column.name, "higher" if column.higher_is_better else "lower", column.scores[0].signature]
        for column in found.columns
    ]
    explained = table(["score", "better", "signature"], signatures)
    return table(headings, rows, caption=caption) + _picture(systems, found) + explained


def _picture(systems: Systems, found: Findings) -> Markup:
    """Every score within its interval, and below them the means over seeds."""
    several = [place for place, group in enumerate(systems.groups) if len(group.members) > 1]
    panels = {}
    for column in found.columns:
        values = [score.value for score in column.scores]
        intervals = column.intervals or [Interval(value, value, value) for value in values]
        rows = [(value, one.low, one.high) for value, one in zip(values, intervals, strict=True)]
        for spread in found.spreads:
            if spread.score == column.name and spread.group in several and spread.interval:
                rows.append((spread.mean, spread.interval.low, spread.interval.high))
        panels[column.name] = rows
    labels = [system.name for system in systems.systems]
    labels += [f"mean of {systems.groups[place].name}" for place in several]
    picture = image(pixels(points(labels, panels, means=len(several))), "Each score with its 95 % interval.")
    over = " Diamonds are means over seeds with the intervals over seeds, which may go beyond the frame."
    said = f"Scores with their 95 % intervals; the dashed line is {labels[0]}.{over if several else ''}"
    return Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(picture, said)


# -- tests -----------------------------------------------------------------------------------------------------------


def _contrasts(systems: Systems, found: Findings, asked: CompareConfig) -> Markup:
    made = [test for test, samples in (("bootstrap", asked.resamples), ("randomization", asked.trials)) if samples]
    several = len(systems.systems) > 2
    rows: list[list[Cell]] = []
    for one in found.contrasts:
        p_values = [
            Number(one.p_values[test], ".4f", note=f"Holm {one.corrected[test]:.4f}" if several else "")
            for test in made
        ]
        name = systems.systems[one.system].name
        change = Number(one.difference, "+.2f", ends(one.interval))
        rows.append([name, one.score, change, *p_values, *([one.verdict] if made else [])])
    headings = ["run", "score", "difference", *(f"p, {TESTS[test]}" for test in made), *(["verdict"] if made else [])]
    untested = [column.name for column in found.columns if column.name not in {one.score for one in found.contrasts}]
    said = " ".join(explanation(asked, several, untested))
    return (table(headings, rows) if rows else Markup()) + paragraph(said)


def explanation(asked: CompareConfig, several: bool, untested: Sequence[str]) -> list[str]:
    """What the tests are and what they do not say, in sentences."""
    said = []
    tests = [f"paired bootstrap of {asked.resamples:,} samples"] if asked.resamples else []
    tests += [f"approximate randomization of {asked.trials:,} trials"] if asked.trials else []
    if asked.resamples:
        said += ["Below a difference stands its 95 % interval."]
    if tests:
        said += [f"The tests are those of sacreBLEU, over sentences: {' and '.join(tests)}, seed {SEED}."]
        said += ["p is how often a difference as large arises where there is none but chance."]
    if tests and several:
        said += ["Of several runs some differ by chance; below p stands p corrected for that by Holm's method."]
    if tests:
        which = "both are" if len(tests) > 1 else "it is"
        said += [f"The verdict is better or worse where {which} below {LEVEL:g}{' after correction' * several}."]
        said += ["All this is about these outputs: how much another seed would change is not in it."]
    if untested:
        said += [f"There is no test for {', '.join(untested)}, which is no sum over sentences."]
    return said


def _spreads(systems: Systems, found: Findings) -> Markup:
    rows: list[list[Cell]] = []
    for one in found.spreads:
        group = systems.groups[one.group]
        alone = one.deviation is None
        over = ("sentences" if one.interval else "") if alone else f"seeds {', '.join(map(str, group.seeds))}"
        deviation: Cell = "" if one.deviation is None else Number(one.deviation)
        mean = Number(one.mean, note=ends(one.interval))
        rows.append([group.name, one.score, len(group.members), mean, deviation, over])
    said = (
        "Runs whose settings are the same but for the seed: mean, Student's 95 % interval below it, standard deviation."
    )
    if any(len(group.members) == 1 for group in systems.groups):
        said += " A run without others of its settings has its interval over sentences instead, which is another thing."
    return paragraph(said) + table(["settings", "score", "runs", "mean", "deviation", "interval over"], rows)


# -- lengths and sentences -------------------------------------------------------------------------------------------


def _lengths(systems: Systems, found: Findings) -> Markup:
    if found.lengths is None:
        return paragraph(NO_SOURCES)
    lengths, names = found.lengths, [system.name for system in systems.systems]
    made = Markup()
    for score, values in lengths.scores.items():
        series = dict(zip(names, values, strict=True))
        figure = curves(lengths.labels, lengths.sentences, series, x=f"source length ({lengths.unit})", y=score)
        made += Markup("<figure>{}</figure>").format(image(pixels(figure), f"{score} by source length."))
    rows: list[list[Cell]] = [
        [name, score, *map(Number, values[place])]
        for score, values in lengths.scores.items()
        for place, name in enumerate(names)
    ]
    counted = zip(lengths.labels, lengths.sentences, strict=True)
    headings = ["run", "score", *(f"{label} (n={count:,})" for label, count in counted)]
    return made + table(headings, rows, caption=f"By {lengths.unit} of the source; n sentences.")


def _sentences(systems: Systems, found: Findings, place: int, count: int) -> Markup:
    """How one system's sentences changed, and those that changed most."""
    before, after = found.sentence_scores[0], found.sentence_scores[place]
    change = after - before
    gains, losses = int((change > 0).sum()), int((change < 0).sum())
    same = sum(a == b for a, b in zip(systems.systems[0].hypotheses, systems.systems[place].hypotheses, strict=True))
    made = paragraph(
        f"By sentence chrF (sacreBLEU's, 0 to 100), compared with {systems.systems[0].name}: {gains:,} better, "
        f"{losses:,} worse, {same:,} with the same output."
    )
    if gains or losses:
        figure = changes(change.tolist(), x="change in sentence chrF", y="sentences")
        made += Markup("<figure>{}</figure>").format(image(pixels(figure), "How much the sentences changed."))
    for title, places in zip(("Gained most", "Lost most"), changed(found.sentence_scores, place, count), strict=True):
        rows: list[list[Cell]] = [
            [
                number + 1,
                Number(float(change[number]), "+.1f", note=f"{before[number]:.1f} → {after[number]:.1f}"),
                _texts(systems, number, place),
            ]
            for number in places
        ]
        if rows:
            made += Markup("<h3>{}</h3>").format(title) + table(["line", "change", "texts"], rows)
    return made


def _texts(systems: Systems, number: int, place: int) -> Markup:
    first, second = systems.systems[0], systems.systems[place]
    old, new = difference(first.hypotheses[number], second.hypotheses[number])
    rows: list[tuple[str, str | Markup]] = [("source", systems.sources[number])] if systems.sources else []
    rows += [("reference", reference) for reference in systems.references[number]]
    return Markup(_TEXTS.render(rows=[*rows, (first.name, old), (second.name, new)]))
