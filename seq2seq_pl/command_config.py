"""What each command but `train` is asked, typed; its settings are those of conf/<command>.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from omegaconf import MISSING, DictConfig, OmegaConf

from seq2seq_pl.config import texts
from seq2seq_pl.errors import UserError
from seq2seq_pl.schema import Node, check_root

T = TypeVar("T")

MOST_SAMPLES = 100_000
"""Of a bootstrap or a test by chance; more tell nothing that can be seen in a score."""


@dataclass(frozen=True)
class EvaluateConfig:
    """What `evaluate` is asked: a run's split or a file of outputs, and settings that are to differ (None: as it was).

    Attributes:
        run: directory of a run, or a checkpoint file; or None where `hypotheses` is given.
        checkpoint: name of one of its checkpoints.
        task_name: of a run of several tasks, the one to score; None scores all.
        hypotheses: file of outputs, one a line, to be scored as they are.
        references: file or files of references, line by line.
        sources: file of sources, for scores by length.
        output: directory for texts and scores; None is <run>/evaluate/<split>, or nowhere for plain files.
        resamples: of the bootstrap behind the confidence intervals; 0 leaves them out.
        bins: the largest source length of each bin but the last; None is as the run plotted it.
        samples: outputs printed at the end.
        shortlist: whether outputs are searched for among the tokens of <run>/shortlist.npz alone.
    """

    run: str | None
    checkpoint: str
    task_name: str | None
    split: str
    hypotheses: str | None
    references: str | Sequence[str] | None
    sources: str | None
    output: str | None
    resamples: int
    bins: Sequence[int] | None
    batch_size: int | None
    max_tokens: int | None
    samples: int
    shortlist: bool
    cache_dir: str | None
    corpus: Node
    trainer: Node
    decoding: Node | None = None
    metric: Node | None = None


@dataclass(frozen=True)
class GenerateConfig:
    """What `generate` is asked.

    Attributes:
        run: directory of a run, or a checkpoint file; several make an ensemble.
        checkpoint: name of one of its checkpoints.
        task_name: of a run of several tasks, the one to do.
        input: a file, or "-" for standard input; `output` likewise.
        constraints: how a line of input says what its output has to be like; None reads it as it is.
        ensemble: in which space several models are averaged.
        shortlist: whether to search among the tokens of <run>/shortlist.npz alone.
        batch_size: sentences that are decoded together.
        decoding: settings that are to differ from the run's.
    """

    run: str | Sequence[str]
    checkpoint: str
    task_name: str | None
    input: str
    output: str
    constraints: Literal["inline", "columns"] | None
    ensemble: Literal["probability", "log"]
    shortlist: bool
    batch_size: int
    device: Literal["auto", "cpu", "cuda"]
    decoding: Node | None = None


@dataclass(frozen=True)
class ScoreConfig:
    """What `score` is asked; as `GenerateConfig`, but the input has a source and a target in two columns."""

    run: str | Sequence[str]
    checkpoint: str
    task_name: str | None
    input: str
    output: str
    ensemble: Literal["probability", "log"]
    batch_size: int
    device: Literal["auto", "cpu", "cuda"]
    decoding: Node | None = None


@dataclass(frozen=True)
class CompareConfig:
    """What `compare` is asked.

    Attributes:
        runs: directories of runs, sweeps or outputs; the first run is what the others are compared with.
        split: the scored split to compare.
        output: the page to write, which ends in .html.
        metric: what to compare by; None is what the first run was scored by.
        resamples: of the bootstrap behind intervals and p-values; 0 leaves them out.
        trials: of approximate randomization; 0 leaves it out.
        sentences: of those that gained most, and of those that lost most, how many are shown.
    """

    runs: Sequence[str]
    split: str
    output: str
    resamples: int
    trials: int
    sentences: int
    metric: Node | None = None


@dataclass(frozen=True)
class TransferConfig:
    """What `transfer` is asked.

    Attributes:
        run: directory of a run of several tasks.
        alone: directories of runs of one task each, or of a sweep of such runs.
        split: the scored split to compare.
        resamples: of the bootstrap behind p-values; 0 leaves them out.
    """

    run: str
    alone: str | Sequence[str]
    split: str
    resamples: int


@dataclass(frozen=True)
class InspectConfig:
    """What `inspect` is asked.

    Attributes:
        run: directory of a run, or a checkpoint file.
        checkpoint: name of one of its checkpoints.
        task_name: of a run of several tasks, the one to look at.
        sentence: a source; None takes number `index`, from 0, of `split`, which is "test" where it is None.
        output: the page to write; None is <run>/inspect/<split>_<index>.html, or named after the sentence.
        tensorboard: whether pictures go to <run>/tensorboard/inspect.
        decoding: settings that are to differ from the run's.
    """

    run: str
    checkpoint: str
    task_name: str | None
    sentence: str | None
    split: str | None
    index: int | None
    output: str | None
    tensorboard: bool
    device: Literal["auto", "cpu", "cuda"]
    corpus: Node
    decoding: Node | None = None


@dataclass(frozen=True)
class AverageConfig:
    """What `average` is asked: a run's directory, and how many of its last epochs are averaged."""

    run: str
    last: int


@dataclass(frozen=True)
class ShortlistConfig:
    """What `shortlist` is asked.

    Attributes:
        run: directory of a run, or a checkpoint file.
        checkpoint: name of one of its checkpoints.
        translations: target tokens that are kept of each source token.
        frequent: target tokens that are plausible whatever the source is.
        iterations: of EM.
        pairs: of sentences of the training split to learn from, at most.
        corpus: where its data is now.
    """

    run: str
    checkpoint: str
    translations: int
    frequent: int
    iterations: int
    pairs: int
    cache_dir: str | None
    corpus: Node


@dataclass(frozen=True)
class ReproduceConfig:
    """What `reproduce` is asked.

    Attributes:
        run: directory of a finished run.
        output: directory of the new one.
        only_check: only say what differs between then and now, and do not train.
        corpus: where its data is now; `mixture` likewise, by task.
    """

    run: str
    output: str
    only_check: bool
    cache_dir: str
    corpus: Node
    mixture: Node


def read(kind: type[T], config: DictConfig) -> T:
    """The settings of a command on a finished run; its groups stay unresolved, to be laid over the run's config.

    Raises:
        UserError: one line for each setting that is missing, unknown or of the wrong type.
    """
    root = OmegaConf.to_container(config, resolve=False)
    assert isinstance(root, dict)
    plain = {str(key): value for key, value in root.items()}
    problems = [f"{path}: is needed; write {path}=..." for path, text in texts(plain) if text == MISSING]
    problems += check_root(kind, plain)
    for name in ("resamples", "trials"):
        value = plain.get(name)
        if isinstance(value, int) and value > MOST_SAMPLES:
            problems.append(f"{name} ({value}) must be at most {MOST_SAMPLES:,}.")
    if problems:
        raise UserError("\n".join(problems))
    return kind(**plain)
