"""Which metrics a command scores by: those asked for, those of a run, or the usual ones."""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.parts import part
from seq2seq_pl.schema import Node, check_node
from seq2seq_pl.scoring import check_names

USUAL: Mapping[str, Node] = {
    "bleu": {"_target_": "seq2seq_pl.metric.bleu.Bleu", "language": "${corpus.target}"},
    "chrf": {"_target_": "seq2seq_pl.metric.chrf.Chrf"},
}
"""What outputs are scored by where neither the user nor a run says."""


def chosen_metrics(asked: Node | None, own: Node) -> Node:
    """The metrics asked for; settings alone (`metric.bleu.tokenize=char`) are laid over the metrics that are there.

    Raises:
        UserError: settings of a metric that is not chosen.
    """
    given = dict(asked or {})
    bare = [name for name, node in given.items() if isinstance(node, Mapping) and "_target_" not in node]
    chosen = {name: node for name, node in given.items() if name not in bare} or dict(own)
    for name in bare:
        if name not in chosen:
            names = ",".join([*chosen, name])
            raise UserError(f"metric.{name} has settings but is not chosen; set metric=[{names}].")
        there, settings = chosen[name], given[name]
        assert isinstance(there, Mapping)
        assert isinstance(settings, Mapping)
        chosen[name] = {**there, **settings}
    return chosen


def build_metrics(asked: Node | None, own: Node, target: object) -> list[Metric]:
    """The metrics; `own` are those that are there if none are asked for, `target` is the language of the outputs.

    Raises:
        UserError: everything that is wrong with them, one line each.
    """
    root = OmegaConf.create({"metric": dict(chosen_metrics(asked, own)), "corpus": {"target": target}})
    try:
        plain = OmegaConf.to_container(root.metric, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"metric: {str(error).splitlines()[0]}.") from error
    assert isinstance(plain, dict)
    resolved = {f"metric.{name!s}": node for name, node in plain.items()}
    problems = [problem for path, node in resolved.items() for problem in check_node(path, node)]
    if problems:
        raise UserError("\n".join(problems))
    made = {path: part(Metric, path, node) for path, node in resolved.items()}
    check_names(made)
    return list(made.values())
