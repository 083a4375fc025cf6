"""One sentence looked into, as a page and in TensorBoard."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup
from omegaconf import DictConfig
from torch.utils.tensorboard import SummaryWriter

from seq2seq_pl.beam_tree import STYLE as TREE_STYLE
from seq2seq_pl.beam_tree import drawing, layout, outline
from seq2seq_pl.build import build_data
from seq2seq_pl.callback.attention_maps import font_advice
from seq2seq_pl.callback.text_samples import escaped
from seq2seq_pl.command_config import InspectConfig, read
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import typed_path, write_text
from seq2seq_pl.interfaces import Task
from seq2seq_pl.members import Run, chosen_device, open_runs
from seq2seq_pl.page import Cell, Number, Section, difference, heatmap, page, table, template
from seq2seq_pl.parts import part
from seq2seq_pl.picture import attention_map, pixels, readable, tree_picture, undrawable
from seq2seq_pl.saved import find_checkpoint
from seq2seq_pl.sight import Sight, Token, look
from seq2seq_pl.values import Example

TEST = "test"
"""The split where none is named."""
WAYS = "set sentence=TEXT, or split=NAME and index=NUMBER (from 0)"
PLACES = ("likeliest", "2nd", "3rd", "4th", "5th")
TITLE_LENGTH = 120  # characters
NAME_WORDS, NAME_LENGTH = 6, 40
"""Words and characters of a sentence in the name of its page."""

STYLE = """
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.5rem; margin: 0; max-width: 60rem; }
.facts dt { color: var(--faint); }
.facts dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
.facts .output { font-weight: 700; }
.likely { white-space: nowrap; }
.taken { font-weight: 700; color: var(--accent); }
"""

# -- the page --------------------------------------------------------------------------------------------------------

_FACTS = template("""\
<dl class="facts">
{% for name, value in rows %}
<dt>{{ name }}</dt><dd dir="auto" class="{{ name }}">{{ value }}</dd>
{% endfor %}
</dl>
""")

_LIKELY = template("""\
<span class="likely{{ ' taken' if taken }}"><bdi>{{ token }}</bdi></span> <span class="note">{{ percent }}</span>\
""")

Facts = Sequence[tuple[str, str | Markup]]


def describe(sight: Sight, settings: Mapping[str, str]) -> str:
    """The page; `settings` say where the output comes from."""
    source = " ".join(sight.example.source.split()) or "(empty)"
    sections = [
        Section("Output", _facts(texts(sight))),
        Section("All outputs", outputs(sight)),
        Section("Token by token", tokens(sight.tokens)),
        Section("Attention", attention(sight)),
        Section("Search", drawing(sight.tree)),
        Section("Search, step by step", outline(sight.tree)),
        Section("Settings", _facts([*settings.items()])),
    ]
    title = source if len(source) <= TITLE_LENGTH else f"{source[: TITLE_LENGTH - 1]}…"
    subtitle = " · ".join(text for name, text in settings.items() if name in ("run", "checkpoint", "sentence"))
    return page(title, sections, subtitle, style=TREE_STYLE + STYLE)


def _facts(rows: Facts) -> Markup:
    return Markup(_FACTS.render(rows=rows))


def texts(sight: Sight) -> Facts:
    """Source, output and references; marked in a reference is what the output does not have."""
    output = sight.texts[0] or ("(none)" if sight.hypotheses[0].log_prob == -math.inf else "(empty)")
    rows: list[tuple[str, str | Markup]] = [("source", sight.example.source), ("output", output)]
    if sight.cut:
        read = len(sight.source_tokens) - 1
        rows.insert(1, ("", f"The model read no more than the first {read} tokens, as max_source_length says."))
    marked = [difference(sight.texts[0], reference)[1] for reference in sight.example.references]
    rows += [("reference", reference) for reference in marked]
    if any("<mark" in reference for reference in marked):
        rows.append(("", "Marked: what the output does not have."))
    return rows


def outputs(sight: Sight) -> Markup:
    """The hypotheses one below the other."""
    rows: list[list[Cell]] = []
    for place, (one, text) in enumerate(zip(sight.hypotheses, sight.texts, strict=True), start=1):
        numbers = Number(one.log_prob, ".3f"), Number(one.score, ".4f")
        rows.append([place, difference(sight.texts[0], text)[1], *numbers, "yes" if one.finished else "cut"])
    caption = "Marked: what the first does not have." if len(rows) > 1 else ""
    return table(["#", "output", "log-prob", "score", "finished"], rows, caption=caption)


def tokens(said: Sequence[Token]) -> Markup:
    """The tokens of the best output, each with the likeliest in its place."""
    rows: list[list[Cell]] = []
    for step, one in enumerate(said, start=1):
        likeliest: list[Cell] = [
            Markup(_LIKELY.render(token=readable(token), percent=percent(prob), taken=token == one.text))
            for token, prob in one.likeliest
        ]
        likeliest += [""] * (len(PLACES) - len(likeliest))
        prob = Number(math.exp(one.log_prob), ".1%")
        rows.append([step, readable(one.text), Number(one.log_prob, ".3f"), prob, one.rank, *likeliest])
    total = sum(one.log_prob for one in said)
    caption = f"Each given the source and the tokens before it. The log-probabilities sum to {total:.3f}."
    return table(["#", "token", "log-prob", "probability", "rank", *PLACES], rows, caption=caption)


def percent(prob: float) -> str:
    """A probability with one decimal."""
    return "<0.1%" if 0 < prob < 0.001 else f"{prob:.1%}"


def attention(sight: Sight) -> Markup:
    """Where the model looked, or that it does not look."""
    if sight.weights is None:
        return Markup("<p>This model has no attention.</p>")
    said = Markup("<p>Where the model looked while it wrote each token of its best output.</p>")
    return said + heatmap(sight.weights, [one.text for one in sight.tokens], sight.source_tokens)


def settings_of(asked: InspectConfig, sight: Sight, checkpoint: Path) -> dict[str, str]:
    """Where the output comes from, for the page."""
    part = str(sight.decoding["_target_"]).rpartition(".")[2]
    arguments = ", ".join(f"{name}={value}" for name, value in sight.decoding.items() if name != "_target_")
    widened = " (n_best was 1; the best output is the same)" if sight.widened else ""
    place = {} if asked.sentence is not None else {"sentence": f"{asked.split or TEST} {asked.index}"}
    origin = {"read from": sight.example.origin} if sight.example.origin else {}
    said = {"run": asked.run, "checkpoint": checkpoint.stem, **place, **origin}
    return {**said, "decoding": f"{part}({arguments}){widened}"}


# -- TensorBoard -----------------------------------------------------------------------------------------------------


def write_events(folder: Path, name: str, sight: Sight) -> None:
    """Adds the pictures and the outputs to a folder of TensorBoard's, as one step more than it has."""
    step = len(list(folder.glob("events.out.tfevents.*")))
    part = str(sight.decoding["_target_"]).rpartition(".")[2]
    title = f"{name}, {part}, log-prob {sight.hypotheses[0].log_prob:.3f}"
    pictures = {"beam": tree_picture(layout(sight.tree), title)}
    if sight.weights is not None:
        labels = [one.text for one in sight.tokens]
        pictures["attention"] = attention_map(sight.weights, labels, sight.source_tokens, title)
    with SummaryWriter(str(folder)) as writer:
        for what, figure in pictures.items():
            writer.add_image(f"inspect/{name}/{what}", pixels(figure), step, dataformats="HWC")
        writer.add_text(f"inspect/{name}/n_best", markdown(sight), step)


def markdown(sight: Sight) -> str:
    """Source and outputs as TensorBoard shows texts."""
    rows = [("#", "output", "log-prob", "score", "finished"), ("---:", "---", "---:", "---:", "---")]
    for place, (one, text) in enumerate(zip(sight.hypotheses, sight.texts, strict=True), start=1):
        numbers = f"{one.log_prob:.3f}", f"{one.score:.4f}"
        rows.append((str(place), escaped(text), *numbers, "yes" if one.finished else "cut"))
    return f"{escaped(sight.example.source)}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


# -- the command -----------------------------------------------------------------------------------------------------


def inspect_sentence(config: DictConfig) -> None:
    """Writes the page and the pictures, prints the output and where the page is.

    Raises:
        UserError: not a run, no such sentence, or a setting that cannot be.
    """
    asked = question(config)
    device = chosen_device(asked.device)
    checkpoint = find_checkpoint(asked.run, asked.checkpoint)
    directory = checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else None
    name = called(asked) if checkpoint.stem == "best" else f"{called(asked)}_{checkpoint.stem}"
    path = page_path(asked, directory, name)
    changes = {"decoding": asked.decoding, "corpus": asked.corpus}
    (run,) = open_runs(asked.run, asked.checkpoint, changes, asked.task_name)
    sight = look(run, chosen(asked, run), asked.index or 0, device)
    try:
        write_text(path, describe(sight, settings_of(asked, sight, checkpoint)))
        if asked.tensorboard and directory is not None:
            write_events(directory / "tensorboard" / "inspect", name, sight)
            missing = undrawable([*sight.source_tokens, *(one.text for one in sight.tokens)])
            if missing:
                print(font_advice(missing), file=sys.stderr)
    except OSError as error:
        where = error.filename or path
        raise UserError(f"{where}: {error.strerror}; set output=FILE and tensorboard=false.") from error
    print(sight.texts[0])
    print(f"written to {path}")


def question(config: DictConfig) -> InspectConfig:
    """What is asked, without contradictions.

    Raises:
        UserError: a setting that cannot be, or does not go with another; no sentence, or two.
    """
    asked = read(InspectConfig, config)
    if asked.sentence is None and asked.index is None:
        raise UserError(f"there is nothing to inspect; {WAYS}.")
    if asked.sentence is not None:
        for name in ("split", "index"):
            if getattr(asked, name) is not None:
                raise UserError(f"sentence and {name} are both set; leave one out, as a sentence has no {name}.")
        if not asked.sentence.strip():
            raise UserError(f"sentence is empty; {WAYS}.")
    return asked


def called(asked: InspectConfig) -> str:
    """A name for the sentence that is safe in a path, and another one for every other sentence."""
    if asked.sentence is None:
        return f"{asked.split or TEST}_{asked.index}"
    words = "_".join(re.findall(r"\w+", asked.sentence)[:NAME_WORDS])[:NAME_LENGTH]
    digest = sha256(asked.sentence.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{words}_{digest}" if words else digest


def page_path(asked: InspectConfig, directory: Path | None, name: str) -> Path:
    """Where the page goes.

    Raises:
        UserError: a directory is in its place, or there is neither a run's directory nor an output.
    """
    if asked.output is not None:
        path = typed_path("output", asked.output)
        if path.is_dir():
            raise UserError(f"output ({asked.output}) is a directory; give a file, such as {path / name}.html.")
        return path
    if directory is None:
        raise UserError(f"run={asked.run} is a checkpoint outside a run's directory; set output=FILE for the page.")
    return directory / "inspect" / f"{name}.html"


def chosen(asked: InspectConfig, run: Run) -> Example:
    """The sentence, with its references where it comes from the corpus of the run.

    Raises:
        UserError: no such split, or no such sentence in it.
    """
    if asked.sentence is not None:
        return Example(part(Task, "task", run.own.task).prompt(asked.sentence), ())
    data = build_data(run.settings, run.tokenizers, trained=True).tasks[run.task]
    split, known = asked.split or TEST, data.corpus.splits()
    if split not in known:
        raise UserError(f"split={split}: the corpus of this run has {', '.join(known)}.")
    count = 0
    for count, example in enumerate(data.examples(split), start=1):
        if count - 1 == asked.index:
            return example
    raise UserError(f"index ({asked.index}): split={split} has {count:,} sentences, from 0 to {count - 1}.")
