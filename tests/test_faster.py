"""What makes a training faster does not change what it learns: bfloat16, torch.compile."""

import csv

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision

from seq2seq_pl.build import build_data, build_module, build_tokenizers
from seq2seq_pl.config import validate
from seq2seq_pl.errors import UserError
from seq2seq_pl.evaluation import evaluate_run
from seq2seq_pl.saved import read_checkpoint
from seq2seq_pl.training import check_compiler, run

RECURRENT = ["model.encoder.hidden_size=6", "model.decoder.hidden_size=16", "model.attention.size=5"]
NARROW = [
    "model.encoder.hidden_size=8",
    "model.decoder.hidden_size=8",
    "model.encoder.layers=1",
    "model.decoder.layers=1",
]
FAMILIES = {
    "recurrent": RECURRENT,
    "copying": [*RECURRENT, "model/output=pointer_generator"],
    "convolutional": ["model/encoder=conv", "model/decoder=conv", "model/attention=dot", *NARROW],
    "transformer": [
        "model=transformer",
        *NARROW,
        "model.encoder.heads=2",
        "model.decoder.heads=2",
        "model.encoder.feedforward_size=12",
        "model.decoder.feedforward_size=12",
    ],
}
EVERY_STEP = ["callback=[checkpoint,telemetry]", "callback.telemetry.every_n_steps=1", "logger=[csv]"]


@pytest.fixture
def train(tmp_path, corpus_folder, composed, tiny_arguments):
    """Trains a family for one epoch into a directory of this name -> the loss of each step, the scores."""
    common = [text for text in tiny_arguments if not text.startswith(("model.encoder", "model.decoder", "model.att"))]
    places = (f"corpus.path={corpus_folder}", f"cache_dir={tmp_path / 'cache'}")

    def go(family: str, name: str, *overrides: str):
        own = (f"run_dir={tmp_path / name}", "model.dropout=0", "trainer.max_epochs=1", *EVERY_STEP)
        outcome = run(validate(composed(*common, *places, *own, *FAMILIES[family], *overrides)))
        with (tmp_path / name / "metrics.csv").open() as file:
            losses = [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]
        return losses, {name: score.value for name, score in outcome.scores.items()}

    return go


@pytest.fixture
def prepared(tmp_path, corpus_folder, tiny):
    """A module and its data, each time the same."""

    def make():
        settings = tiny(corpus_folder, tmp_path / "run", "model.dropout=0")
        tokenizers = build_tokenizers(settings)
        data = build_data(settings, tokenizers)
        data.prepare_data()
        return build_module(settings, tokenizers, data.example), data

    return make


# -- mixed precision ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_learns_and_scores_as_float32_does(train, family):
    exact, exact_scores = train(family, "exact")
    rough, rough_scores = train(family, "rough", "+trainer.precision=bf16-mixed")
    assert len(exact) >= 4
    assert rough != exact, "nothing ran in bfloat16"
    assert rough == pytest.approx(exact, rel=0.01)  # 8 bits: 2^-8 = 0.004
    loss = "test/translation/loss"
    assert rough_scores[loss] == pytest.approx(exact_scores[loss], rel=0.01)


def test_gradients_are_clipped_whatever_the_loss_was_scaled_by(prepared):
    """What 16-mixed does on a GPU, by its own plugin on a CPU."""
    norms: dict[str, list[float]] = {"exact": [], "scaled": []}
    clipped: list[float] = []

    class Reading(L.Callback):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            norms[self.name].append(float(torch.nn.utils.get_total_norm([p.grad for p in pl_module.parameters()])))

        def on_train_start(self, trainer, pl_module):
            trainer.optimizers[0].register_step_post_hook(lambda *_: self.after(pl_module))

        def after(self, pl_module):
            clipped.append(float(torch.nn.utils.get_total_norm([p.grad for p in pl_module.parameters()])))

    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for name, plugins in (("exact", []), ("scaled", [MixedPrecision("16-mixed", "cpu", scaler)])):
        module, data = prepared()
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        L.Trainer(
            accelerator="cpu",
            plugins=plugins,
            callbacks=[Reading(name)],
            gradient_clip_val=0.1,
            max_epochs=1,
            limit_val_batches=0,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **quiet,
        ).fit(module, data)
    assert len(norms["exact"]) >= 4
    assert min(norms["exact"]) > 0.1
    assert clipped == pytest.approx([0.1] * len(norms["exact"] + norms["scaled"]), rel=0.001)
    assert norms["scaled"] == pytest.approx(norms["exact"], rel=0.02)


# -- torch.compile ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, of its own code
@pytest.mark.parametrize(
    ("family", "overrides"),
    [
        ("recurrent", ["teacher_forcing.value=0.5", "callback=[checkpoint,telemetry,ema]"]),
        ("transformer", []),
    ],
)
def test_a_compiled_model_learns_the_same_and_is_read_without_compiling(train, composed, tmp_path, family, overrides):
    torch.compiler.reset()
    plain, plain_scores = train(family, "plain", *overrides)
    compiled, scores = train(family, "compiled", "compile=true", *overrides)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert len(plain) >= 4
    assert compiled == pytest.approx(plain, rel=1e-5)
    assert scores == pytest.approx(plain_scores, rel=1e-4)
    one, other = (read_checkpoint(tmp_path / name / "checkpoints" / "best.ckpt") for name in ("plain", "compiled"))
    assert {name: value.shape for name, value in one.weights.items()} == {
        name: value.shape for name, value in other.weights.items()
    }
    asked = (f"run={tmp_path / 'compiled'}", "trainer=cpu", f"output={tmp_path / 'again'}", "resamples=0")
    evaluate_run(composed(*asked, command="evaluate"))
    again, first = ((path / "scores.json").read_text() for path in (tmp_path / "again", tmp_path / "compiled" / "test"))
    assert again == first


def test_a_machine_without_a_compiler_is_told_before_any_work(train, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    sentence = (
        r"^compile=true needs a compiler, and no-such-compiler is not found; install it \(Debian, Ubuntu: "
        r"apt install g\+\+\), name another in the environment variable CXX, or set compile=false\.$"
    )
    with pytest.raises(UserError, match=sentence):
        train("recurrent", "run", "compile=true")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists()


def test_a_gpu_needs_a_compiler_of_c(tmp_path, monkeypatch):
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "clang").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    check_compiler("cuda")
    (tmp_path / "clang").unlink()
    with pytest.raises(UserError, match=r"gcc or clang is not found; .* environment variable CC, or set compile=false"):
        check_compiler("cuda")
