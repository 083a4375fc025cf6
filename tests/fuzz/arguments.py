"""What people type after `python -m seq2seq_pl.train`, right and wrong: arguments as strategies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from omegaconf import OmegaConf

from seq2seq_pl.launch import register_resolvers

CONF = Path(__file__).parents[2] / "conf"

WRONG = (
    *("null", "true", "false", "0", "1", "2", "3", "-1", "-2", "0.5", "1.5", "-0.1", "1e-9", "1e30", "-1e30"),
    *(".nan", ".inf", "-.inf", "nan", "'1'", "abc", "''", "", "[]", "[1]", "[1,2]", "[a,b]", "{}", "{a: 1}", "???"),
    *("99999999999999999999", "0x10", "1_000", "${seed}", "${nowhere}", "${model.dropout}", "${oc.env:NOWHERE}", "${"),
    *("${oc.env:NOWHERE,3}", "${scaled:64}", "${scaled:abc}", "${family:model}", "${hydra:runtime.cwd}", "${.x}"),
    *("Übung", "日本", "a b", "a=b", "a,b", "(1", "[1", "{", "'", '"', "\\", "%", "#", ":", "$", "nicht da/ä", "1 000"),
    *(
        "${task_name}",
        "${run_dir}",
        "${now:%Y}",
        "${model}",
        "range(3)",
        "choice(1,2)",
        "1,2",
        "{a: {b: [1]}}",
        "1e400",
    ),
)
TARGETS = (
    *(
        "os.getcwd",
        "torch.nn.Linear",
        "torch.optim.SGD",
        "torch.optim.LBFGS",
        "torch.optim.SparseAdam",
        "json",
        "json.x",
    ),
    *(
        "seq2seq_pl.nothing.Nothing",
        "seq2seq_pl.model.attention.dot.DotAttention",
        "nowhere",
        "",
        ".",
        "..",
        "a b",
        "5",
    ),
    *("torch.optim.Rprop", "torch.optim.ASGD", "torch.optim.RAdam", "torch.optim.NAdam", "torch.optim.RMSprop"),
    *("seq2seq_pl.schedule.constant.Constant", "seq2seq_pl.metric.bleu.Bleu", "seq2seq_pl.decoding.beam.Beam"),
    *("seq2seq_pl.schedule.constant", "seq2seq_pl.interfaces.Schedule", "builtins.dict", "lightning.Trainer", "Ü.ß"),
    *("torch.optim.Optimizer", "seq2seq_pl.callback.ema.Ema", "math.pi", "int", "seq2seq_pl", "null", "[]", "true"),
)
CALLBACKS = (
    *("LearningRateMonitor", "ModelCheckpoint", "EarlyStopping", "ModelSummary", "DeviceStatsMonitor", "Timer"),
    *(
        "GradientAccumulationScheduler",
        "StochasticWeightAveraging",
        "RichProgressBar",
        "Callback",
    ),
)
"""Lightning's, which people add."""
TRAINER: Mapping[str, Sequence[str]] = {
    "accelerator": ("cpu", "gpu", "cuda", "tpu", "mps", "auto", "cpuu", "0"),
    "strategy": ("auto", "ddp", "fsdp", "deepspeed", "dp", "ddp_find_unused_parameters_true", "xla", "ddpp"),
    "devices": ("1", "auto", "0", "-1", "'1'", "[0]", "'0,1'", "2", "1.5", "[]", "'x'"),
    "precision": ("32", "16", "bf16", "bf16-mixed", "16-mixed", "64", "64-true", "16-true", "bf16-true", "8", "'32'"),
    "max_epochs": ("0", "1", "2", "1.5", "'1'", "true", "-2"),
    "min_epochs": ("0", "1", "-1", "5"),
    "max_steps": ("0", "1", "3", "-2", "1.5", "1e3"),
    "min_steps": ("0", "1", "-1"),
    "max_time": ("00:00:00:10", "abc", "{minutes: 1}", "5", "{}", "{minuts: 1}", "00:01", "{seconds: 1.5}", "'1'"),
    "limit_train_batches": ("0", "1", "1.0", "0.5", "0.0", "-1", "2.5", "0.01", "1000"),
    "limit_val_batches": ("0", "1", "1.0", "0.5", "0.0", "-1", "0.01"),
    "limit_test_batches": ("0", "1", "1.0", "0.5", "0.0", "-1", "0.01"),
    "overfit_batches": ("0", "1", "0.5", "1.0", "-1", "0.01"),
    "val_check_interval": ("1", "0.5", "1.0", "0", "2", "3", "100", "-1", "0.01", "1.5", "00:00:01:00"),
    "check_val_every_n_epoch": ("1", "2", "0", "-1", "null", "1.5", "100"),
    "num_sanity_val_steps": ("0", "1", "-1", "-2", "1.5"),
    "log_every_n_steps": ("0", "1", "-1", "10", "1.5"),
    "accumulate_grad_batches": ("1", "2", "0", "-1", "100", "1.5", "{0: 2}"),
    "gradient_clip_val": ("0", "1", "-1", "1e-9", ".inf", ".nan", "abc"),
    "gradient_clip_algorithm": ("norm", "value", "abc", "1"),
    "deterministic": ("true", "false", "warn", "abc"),
    "fast_dev_run": ("true", "false", "1", "0", "-1", "2"),
    "profiler": ("simple", "advanced", "pytorch", "abc"),
    "detect_anomaly": ("true", "false", "1"),
    "barebones": ("true", "false"),
    "enable_progress_bar": ("true", "false"),
    "enable_model_summary": ("true", "false"),
    "inference_mode": ("true", "false"),
    "reload_dataloaders_every_n_epochs": ("0", "1", "-1"),
    "sync_batchnorm": ("true",),
    "benchmark": ("true", "abc"),
    "num_nodes": ("1", "0", "-1", "2"),
    "enable_autolog_hparams": ("false",),
    "model_registry": ("abc",),
}
GROUPS = (
    *("task", "corpus", "tokenizer", "tokenizer@target_tokenizer", "model", "model/encoder", "model/decoder"),
    *("model/attention", "model/bridge", "model/embedding", "model/output", "model/initialization", "objective"),
    *("optimizer", "schedule", "schedule@teacher_forcing", "trainer", "decoding", "experiment"),
)
LISTS = ("callback", "logger", "metric")
ENDLESS = frozenset({"trainer.max_epochs", "trainer.max_steps", "trainer.min_steps", "trainer.min_epochs"})
"""Numbers that are what they say: so many steps."""
SLOW = frozenset({"compile"})


def argument() -> SearchStrategy[str]:
    """One argument; mostly one that may well be right."""
    return st.one_of(*[good()] * 6, *[setting()] * 3, trainer(), trainer(), twisted(), group(), listed(), addition())


@cache
def choices(name: str) -> list[str]:
    """The YAML files of a group."""
    return sorted(path.stem for path in (CONF / name.split("@")[0]).glob("*.yaml"))


@cache
def leaves() -> dict[str, object]:
    """Dotted setting -> value, of configurations that have about all there are."""
    register_resolvers()
    found: dict[str, object] = {}
    parts = ["tokenizer=bpe", "decoding=beam", "metric=[bleu,chrf,ter,rouge,error_rate,distinct]", "optimizer=adamw"]
    kinds = [
        *([f"model/encoder={name}", f"model/decoder={name}"] for name in ("rnn", "conv", "transformer")),
        ["model/decoder=bahdanau", "model/attention=multi_head", "schedule=plateau", "decoding=diverse_beam"],
        ["decoding=sampling", "schedule=linear", "schedule@teacher_forcing=linear", "callback=[ema,checkpoint]"],
        ["task=g2p"],
        ["task=summarization"],
        ["task=dialogue"],
        ["task=multitask"],
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for kind in kinds:
            tasks = [] if kind[0].startswith("task=") else parts
            keys = {text.partition("=")[0] for text in kind}
            config = compose("train", [*(text for text in tasks if text.partition("=")[0] not in keys), *kind])
            found |= dict(_leaves(OmegaConf.to_container(config, resolve=False)))
    return {path: value for path, value in found.items() if not path.startswith(("hydra", "run")) and path not in SLOW}


def _leaves(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node


def paths() -> SearchStrategy[str]:
    """The name of a setting; mostly not one of the many of a mixture."""
    mixed, single = (sorted(path for path in leaves() if path.startswith("mixture") is kind) for kind in (True, False))
    return st.one_of(*[st.sampled_from(single)] * 9, st.sampled_from(mixed))


def near(value: object) -> SearchStrategy[str]:
    """Values of the same type, not far."""
    if isinstance(value, bool):
        return st.sampled_from(["true", "false", "True", "yes", "1"])
    if isinstance(value, int):
        few = {0, 1, 2, 3, 5, 8, 16, -1, value + 1, value - 1, value // 2}
        return st.sampled_from(sorted(str(number) for number in few if number <= 300))
    if isinstance(value, float):
        return st.sampled_from(["0", "0.0", "0.1", "0.5", "0.9", "1", "1.0", "2.0", "1e-3", "-0.5", "1e-9"])
    if isinstance(value, list):
        return st.sampled_from(["[1,2]", "[]", "[1]", "[2,1]", "[a]", "[1,1]", "[0]", "5"])
    words = [
        "en",
        "src",
        "rev",
        "full",
        "exact",
        "norm",
        "post",
        "rotary",
        "learned",
        "lstm",
        "gru",
        "rnn",
        "skip",
        "wu",
    ]
    words += ["keep_start", "token", "output", "decoder", "none", "13a", "intl", "zh", "char", "word", "loss", "bleu"]
    words += [
        "wu",
        "chrf",
        "accuracy",
        "perplexity",
        "combined",
        "phoneme",
        "character",
        "mean",
        "best",
        "null",
        str(value),
    ]
    return st.sampled_from(words)


@st.composite
def setting(draw: st.DrawFn) -> str:
    """A setting that exists, with a value of its kind or of another."""
    path = draw(paths())
    if path.endswith("_target_"):
        value = draw(st.sampled_from(TARGETS))
    elif draw(st.integers(0, 2)):
        value = draw(near(leaves()[path]))
    else:
        value = draw(st.sampled_from(WRONG))
    if path in ENDLESS:
        value = draw(st.sampled_from(TRAINER[path.removeprefix("trainer.")]))
    return f"{path}={value}"


def good() -> SearchStrategy[str]:
    """What may well be right."""
    return st.one_of(
        st.sampled_from(sorted(set(GROUPS) - {"experiment", "task", "corpus"})).flatmap(
            lambda name: st.sampled_from([f"{name}={choice}" for choice in choices(name)])
        ),
        st.sampled_from(["seed=3", "batch_size=8", "max_tokens=200", "model.dropout=0.3", "optimizer.lr=0.01"]),
        st.sampled_from(["non_finite=skip", "shared_vocabulary=true", "model.scheduled_sampling=token"]),
        st.sampled_from(["+optimizer.eps=1e-6", "+optimizer.weight_decay=0.1", "teacher_forcing.value=0.5"]),
        st.sampled_from(["max_source_length=5", "long_sources=keep_end", "decoding.max_length=9"]),
        st.sampled_from(["task=g2p", "corpus=random_ids", "task=summarization", "corpus=rare_words"]),
        st.sampled_from(["task=multitask", "monitor=loss", "monitor=loss", "scale=0.5", "samples=0", "test=false"]),
        st.sampled_from(["task=translation", "logger=[csv]", "logger=[tensorboard]", "metric=[chrf]", "metric=[]"]),
    )


def trainer() -> SearchStrategy[str]:
    """A setting of Lightning's trainer."""
    names = st.sampled_from(sorted(TRAINER))
    signs = st.sampled_from(["", "+", "++", ""])
    return names.flatmap(
        lambda name: st.sampled_from(TRAINER[name]).flatmap(
            lambda value: signs.map(lambda sign: f"{sign}trainer.{name}={value}")
        )
    )


def group() -> SearchStrategy[str]:
    """A choice that is there, or is not."""
    wrong = st.sampled_from(["", "null", "nothing", "[]", "1", "trasnformer", "${seed}", "../corpus/tsv", "a/b", "a,b"])
    return st.sampled_from(GROUPS).flatmap(
        lambda name: st.one_of(st.sampled_from(choices(name)), st.sampled_from(choices(name)), wrong).map(
            lambda choice: f"{name}={choice}"
        )
    )


def listed() -> SearchStrategy[str]:
    """Choices of a group that takes several."""
    return st.sampled_from(LISTS).flatmap(
        lambda name: st.lists(st.sampled_from(choices(name)), max_size=3).map(lambda some: f"{name}=[{','.join(some)}]")
    )


def addition() -> SearchStrategy[str]:
    """Something of one's own: Lightning's callbacks, arguments of optimizers."""
    callbacks = st.sampled_from(CALLBACKS).map(
        lambda name: f"+callback.own._target_=lightning.pytorch.callbacks.{name}"
    )
    optimizer = st.sampled_from(["betas", "eps", "weight_decay", "amsgrad", "maximize", "momentum", "fused", "foreach"])
    values = st.sampled_from(["[0.9,0.98]", "[0.9]", "[2,3]", "0", "-1", "1e-9", "true", "1.5", "abc", "null", ".nan"])
    return st.one_of(
        callbacks,
        st.tuples(optimizer, values).map(lambda pair: f"+optimizer.{pair[0]}={pair[1]}"),
        st.sampled_from(["+optimizer.nesterov=true", "+optimizer.capturable=true", "+optimizer.differentiable=true"]),
    )


@st.composite
def twisted(draw: st.DrawFn) -> str:
    """A misspelt name, a deletion, an addition, signs where none should be, a choice for a single setting."""
    path = draw(paths())
    value = draw(st.sampled_from(WRONG))
    place = draw(st.integers(0, len(path)))
    parent = path.rpartition(".")[0] or path
    return draw(
        st.sampled_from(
            [
                f"{path[:place]}{path[place + 1 :]}={value}",
                f"{path[:place]}x{path[place:]}={value}",
                *(f"~{path}", f"~{parent}", f"~{path}={value}", f"+{path}={value}", f"++{path}={value}"),
                *(f"{parent}={value}", f"{path}.x={value}", f"{path.replace('.', '/')}={value}", f"{path}@x={value}"),
                *(path, f"{path}=", f"={value}", f"--{path}", f"{path}:={value}", f" {path} = {value} ", f"+{value}"),
                *(f"+{parent}.own={value}", f"+own={value}", f"hydra.{path}={value}", f"+mixture.x={value}", value),
                *(f"+callback.own={value}", f"+metric.own={value}", f"run={value}", f"resume={value}", f"+@{path}"),
            ]
        )
    )
