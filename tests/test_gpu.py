"""The same run on an accelerator."""

import pytest
import torch

from seq2seq_pl.budget import decided
from seq2seq_pl.training import run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
]


@pytest.mark.parametrize(
    "trainer",
    [
        ["trainer=gpu"],
        ["trainer=gpu", "trainer.precision=32-true"],
        ["trainer=gpu", "trainer.precision=16-mixed"],
        ["trainer=gpu", "callback=[checkpoint,ema]", "callback.ema.update_every_n_steps=1", "callback.ema.decay=0.5"],
        ["trainer=gpu", "+trainer.accumulate_grad_batches=2", "batch_size=8"],
    ],
)
def test_a_run_on_a_gpu_learns_and_can_be_read_without_one(trainer, tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", *trainer, "trainer.max_epochs=8", "optimizer.lr=0.03")
    outcome = run(settings)
    assert outcome.scores["test/translation/loss"].value < 2.3  # a vocabulary of 13: guessing is ln 13 = 2.56
    weights = torch.load(tmp_path / "run" / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    assert all(value.isfinite().all() for value in weights["state_dict"].values())


def test_a_budget_is_found_on_a_gpu(tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", "trainer=gpu", "max_tokens=auto", "batch_size=60")
    found, (said,) = decided(settings)
    assert found.token_budget > 60
    assert "batch_size (60) allows no more" in said
