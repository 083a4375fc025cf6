"""Config to objects: sizes flow forward, and every refusal names its place in the config."""

import lightning as L
import pytest
import torch
from hydra.errors import InstantiationException
from lightning.pytorch.callbacks import Checkpoint as LightningCheckpoint

from seq2seq_pl.build import (
    begin_embeddings,
    build_judging,
    build_model,
    build_module,
    build_tokenizers,
    build_trainer,
    rehearse,
)
from seq2seq_pl.callback.checkpoint import Checkpoint
from seq2seq_pl.callback.early_stopping import EarlyStopping
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Metric
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.parts import named, part
from seq2seq_pl.values import Example


@pytest.fixture
def settings(tmp_path, corpus_folder, tiny):
    def make(*overrides: str):
        return tiny(corpus_folder, tmp_path / "run", *overrides)

    return make


@pytest.fixture
def module(settings):
    """Further settings -> the module, with tokenizers trained on one sentence."""

    def make(*overrides: str):
        asked = settings(*overrides)
        tokenizers = build_tokenizers(asked)
        for tokenizer in {tokenizers.source, tokenizers.target}:
            tokenizer.train(["a b c d"])
        return build_module(asked, tokenizers, lambda split, task, index: Example("", ("",)))

    return make


def refusal(settings) -> list[str]:
    with pytest.raises(UserError) as caught:
        rehearse(settings)
    return str(caught.value).splitlines()


def test_the_default_parts_can_all_be_made(settings):
    rehearse(settings())


def test_rehearsing_touches_no_file(settings, tmp_path):
    rehearse(settings("corpus.path=nowhere"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("model.dropout=1.5", "model"),
        ("model.encoder.hidden_size=-3", "model.encoder"),
        ("model.encoder.layers=0", "model.encoder"),
        ("model.decoder.hidden_size=0", "model.decoder"),
        ("model.embedding.size=0", "model.embedding"),
        ("model.attention.size=-1", "model.attention"),
        ("objective.label_smoothing=1.2", "objective"),
        ("optimizer.lr=-1", "optimizer"),
        ("schedule=inverse_sqrt schedule.warmup_steps=-1", "schedule"),
        ("tokenizer.min_frequency=0", "tokenizer"),
        ("tokenizer.vocab_size=3", "tokenizer"),
        ("decoding=beam decoding.beam_size=0", "decoding"),
        ("trainer.accelerator=quantum", "trainer"),
        ("corpus.target=src", "corpus"),
    ],
)
def test_what_a_constructor_refuses_is_a_sentence_with_its_path(settings, override, path):
    assert any(line.startswith(path) and line.endswith(".") for line in refusal(settings(*override.split())))


def test_parts_that_do_not_fit_each_other_say_so_before_any_work(settings):
    (line,) = refusal(settings("model/bridge=last"))
    assert line.startswith("model")


def test_everything_that_is_refused_is_told_at_once(settings):
    lines = refusal(
        settings("model.embedding.size=0", "optimizer.lr=-1", "objective.label_smoothing=2", "monitor=blue")
    )
    assert len(lines) == 4


def test_one_embedding_for_two_vocabularies_is_refused_before_any_work(settings):
    asked = settings("model.share_embeddings=true", "shared_vocabulary=false")
    message = "model.share_embeddings=true needs one vocabulary for both sides: shared_vocabulary=true."
    assert refusal(asked) == [message]
    rehearse(settings("model.share_embeddings=true", "shared_vocabulary=true"))


def test_embeddings_are_told_their_tokens_and_what_they_say_is_passed_on(settings, module, tmp_path):
    (tmp_path / "vectors.txt").write_text("a 1 2 3 4 5 6 7 8\nz 8 7 6 5 4 3 2 1\n", encoding="utf-8")
    overrides = (
        "model/embedding=pretrained",
        "model.embedding.size=8",
        f"model.embedding.target={tmp_path}/vectors.txt",
    )
    asked = settings(*overrides)
    tokenizers = build_tokenizers(asked)
    for tokenizer in {tokenizers.source, tokenizers.target}:
        tokenizer.train(["a b c d"])
    model = module(*overrides).model
    before = model.source_embedding.weight.clone()
    (sentence,) = begin_embeddings(model, tokenizers)
    assert "target embedding: 1 of" in sentence
    row = tokenizers.target.tokens(range(tokenizers.target.vocab_size)).index("▁a")
    assert model.target_embedding(torch.tensor([row])).tolist() == [pytest.approx([1, 2, 3, 4, 5, 6, 7, 8])]
    assert torch.equal(model.source_embedding.weight, before)


def test_a_monitor_that_nobody_computes_names_the_nearest(settings):
    (line,) = refusal(settings("monitor=blue"))
    assert line == "monitor (blue) is not computed; did you mean bleu?"


def test_two_metrics_with_a_score_of_the_same_name_are_refused(settings):
    (line,) = refusal(settings("metric=[bleu,error_rate,pronunciation]", "monitor=bleu"))
    assert line == ("metric.pronunciation and metric.error_rate both have a score called wer; choose one of them.")


def test_a_part_of_another_kind_is_refused(settings):
    asked = settings()
    node = {"_target_": "seq2seq_pl.decoding.greedy.Greedy", **asked.decoding}
    with pytest.raises(UserError, match=r"metric\.x\._target_ \(.*Greedy\) is not a Metric"):
        part(Metric, "metric.x", node)
    assert isinstance(part(Decoding, "decoding", node), Decoding)


@pytest.mark.parametrize("error", [ValueError, TypeError, RuntimeError, ModuleNotFoundError, InstantiationException])
def test_a_complaint_of_a_library_gets_the_path_and_one_line(error):
    with pytest.raises(UserError, match=r"^trainer: two lines\.$"), named("trainer"):
        raise error("two\n  lines")


def test_a_users_mistake_passes_through_unchanged():
    with pytest.raises(UserError, match=r"^as it was$"), named("trainer"):
        raise UserError("as it was")


def test_nobody_writes_a_size_twice(settings):
    model = build_model(settings().model, source_vocab_size=11, target_vocab_size=13)
    assert isinstance(model, Seq2Seq)
    assert model.source_embedding.num_embeddings == 11
    assert model.output(torch.zeros(2, 3, model.decoder.output_size)).shape == (2, 3, 13)


def test_trying_a_model_draws_nothing_from_the_random_numbers(settings):
    torch.manual_seed(3)
    build_model(settings("model.dropout=0").model, 11, 13)
    plain = torch.rand(())
    torch.manual_seed(3)
    build_model(settings("model.dropout=0.5").model, 11, 13)
    assert torch.rand(()) == plain


def test_the_seed_alone_decides_the_first_weights(module):
    first, again, other = (module(*change).state_dict() for change in ([], ["optimizer.lr=0.5"], ["seed=2"]))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_whoever_monitors_monitors_the_monitor(settings):
    for monitor, mode in (("bleu", "max"), ("perplexity", "min")):
        trainer = build_trainer(settings(f"monitor={monitor}"))
        watching = [call for call in trainer.callbacks if isinstance(call, (Checkpoint, EarlyStopping))]
        assert len(watching) == 2
        assert {(call.monitor, call.mode) for call in watching} == {(f"val/translation/{monitor}", mode)}


def test_the_checkpoint_to_go_on_from_sees_what_all_others_have_done(settings):
    trainer = build_trainer(settings("callback=[checkpoint,every_epoch,ema,telemetry]"))
    assert isinstance(trainer.callbacks[-1], Checkpoint)


def test_a_trainer_without_callbacks_and_loggers_writes_nothing(settings, tmp_path):
    trainer = build_trainer(settings("callback=[]", "logger=[]"))
    assert isinstance(trainer, L.Trainer)
    assert trainer.loggers == []
    assert not [call for call in trainer.callbacks if isinstance(call, LightningCheckpoint)]
    assert not list(tmp_path.iterdir())


def test_judging_has_the_metrics_in_their_order(settings):
    judging = build_judging(settings("metric=[chrf,bleu]"))["translation"]
    assert [type(metric).__name__ for metric in judging.metrics] == ["Chrf", "Bleu"]


def test_a_shared_vocabulary_is_one_tokenizer(settings):
    shared, apart = build_tokenizers(settings("shared_vocabulary=true")), build_tokenizers(settings())
    assert shared.source is shared.target
    assert apart.source is not apart.target


def test_a_teacher_forcing_ratio_above_one_is_told(tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", "teacher_forcing.value=1.5")
    with pytest.raises(UserError, match=r"^teacher_forcing begins at a ratio of 1\.5, which must be from 0 to 1\.$"):
        rehearse(settings)
