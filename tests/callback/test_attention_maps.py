from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from seq2seq_pl.callback.attention_maps import AttentionMaps, font_advice, look
from seq2seq_pl.errors import UserError
from seq2seq_pl.values import EOS, Batch


def sentence(source: torch.Tensor) -> Batch:
    return Batch(source.unsqueeze(0), torch.zeros(1, 0, dtype=torch.long), torch.zeros(1), "translation")


def test_pictures_reach_tensorboard_and_the_run_directory(fit: Callable) -> None:
    run = fit(AttentionMaps(samples=2))
    events = run.events()
    assert events.Tags()["images"] == ["val/translation/attention/0", "val/translation/attention/1"]
    assert [image.step for image in events.Images("val/translation/attention/0")] == [3, 6]
    found = sorted((run.directory / "attention").rglob("*.png"))
    assert found == [run.directory / "attention" / "val" / "translation" / f"{i}.png" for i in range(2)]
    assert imread(found[0]).ndim == 3


def test_a_test_draws_under_the_name_of_its_split(score: Callable, tiny: Callable) -> None:
    module = tiny()
    module.split = "test_unseen"
    run = score(AttentionMaps(samples=1), module=module)
    assert run.events().Tags()["images"] == ["test_unseen/translation/attention/0"]
    assert (run.directory / "attention" / "test_unseen" / "translation" / "0.png").is_file()


def test_keeps_the_first_sentences_of_the_split_in_whatever_order_they_come(
    fit: Callable, validation: tuple[Batch, ...]
) -> None:
    drawn: list[tuple[int, list[int]]] = []

    class Watched(AttentionMaps):
        def _draw(self, trainer, pl_module, batch, *rest):  # type: ignore[no-untyped-def]
            drawn.append((int(batch.index), batch.source[0].tolist()))

    fit(Watched(samples=3), max_epochs=1)
    second = validation[1]  # holds sentences 0 to 3
    assert drawn == [(i, second.source[i][second.source[i] != 0].tolist()) for i in range(3)]


def test_every_task_has_its_own_pictures(fit: Callable, tiny: Callable, make_batch: Callable) -> None:
    batches = [make_batch([(2, 3), (4, 2)], task=task) for task in ("g2p", "translation")]
    run = fit(AttentionMaps(samples=1), module=tiny(tasks=("translation", "g2p")), validation=batches)
    assert set(run.events().Tags()["images"]) == {"val/g2p/attention/0", "val/translation/attention/0"}


def test_the_weights_are_those_of_reading_the_hypothesis(tiny: Callable) -> None:
    module = tiny().eval()
    batch = sentence(torch.tensor([5, 6, 7, EOS]))
    seen = look(module, batch)
    assert seen is not None
    target, weights, log_prob = seen
    best = module.hypotheses(batch)[0][0]
    assert target[: len(best.tokens)] == list(best.tokens)
    assert weights.shape == (len(target), 4)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    assert log_prob == pytest.approx(best.log_prob / len(target))
    forced = module.model(replace(batch, target=torch.tensor([target])))[1]
    np.testing.assert_array_equal(weights, forced[0].detach().numpy())


def test_a_model_without_attention_has_no_pictures(fit: Callable, tiny: Callable) -> None:
    run = fit(AttentionMaps(), module=tiny(attention=False))
    assert run.events().Tags()["images"] == []
    assert not (run.directory / "attention").exists()


def test_training_goes_the_same_way_with_and_without_pictures(fit: Callable, tiny: Callable, tmp_path: Path) -> None:
    def weights(*callbacks: AttentionMaps) -> dict[str, torch.Tensor]:
        module = tiny(dropout=0.3)
        torch.manual_seed(3)
        fit(*callbacks, module=module, loggers=False)
        return dict(module.state_dict())

    torch.testing.assert_close(weights(), weights(AttentionMaps()), rtol=0, atol=0)


def test_says_once_which_fonts_to_install(
    fit: Callable, tiny: Callable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("seq2seq_pl.picture.undrawable", lambda texts: "猫")
    with caplog.at_level(logging.WARNING, logger="seq2seq_pl"):
        fit(AttentionMaps())
    assert [record.getMessage() for record in caplog.records if record.name.startswith("seq2seq_pl")] == [
        "No installed font has the characters 猫; attention maps show boxes for them until you install "
        "fonts-noto-cjk or fonts-wqy-zenhei."
    ]


def test_advice_for_other_scripts_names_another_package() -> None:
    assert "until you install fonts-noto-core." in font_advice("𓀀")
    assert "characters 甲乙丙丁戊己庚辛壬癸...;" in font_advice("甲乙丙丁戊己庚辛壬癸子")


def test_needs_no_logger(fit: Callable) -> None:
    run = fit(AttentionMaps(samples=1), loggers=False)
    assert (run.directory / "attention" / "val" / "translation" / "0.png").is_file()


def test_a_sample_count_below_one_is_refused() -> None:
    with pytest.raises(UserError, match=r"callback\.attention_maps\.samples \(-1\) must be at least 1\."):
        AttentionMaps(samples=-1)
