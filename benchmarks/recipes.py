"""The models R and T that are raced and profiled, as settings of `python -m seq2seq_pl.train`.

Their shapes are those of a race kit of peers: the same joint-BPE pieces of Multi30k (8,000), batches of 64 sentences,
dropout 0.3, Adam. R: a GRU in both directions (256 each), a GRU decoder (512), embeddings of 256, additive attention of
512 after the cell; R-feed: with input feeding. T: three layers on each side, 256 units, 4 heads, feed-forward networks
of 1,024, one matrix for both embeddings and the output, label smoothing 0.1.
"""

from __future__ import annotations

from pathlib import Path

SHARED = (
    "tokenizer=whitespace",
    "shared_vocabulary=true",
    "trainer=cpu",
    "trainer.gradient_clip_val=5",
    "batch_size=64",
    "max_tokens=100000",
    "model.dropout=0.3",
    "model.embedding.size=256",
    "callback=[telemetry]",
    "logger=[csv]",
    "samples=0",
)
RECURRENT = (
    "model.encoder.hidden_size=256",
    "model.decoder.hidden_size=512",
    "model.attention.size=512",
    "optimizer.lr=0.001",
    "schedule=constant",
)
MODELS = {
    "R": RECURRENT,
    "R-feed": ("model/decoder=input_feeding", *RECURRENT),
    "T": (
        "model=transformer",
        "model/output=tied",
        "model.share_embeddings=true",
        "objective.label_smoothing=0.1",
        "model.encoder.attention_dropout=0.3",
        "model.decoder.attention_dropout=0.3",
        "model.attention.dropout=0.3",
        "optimizer.lr=0.0007",
        "schedule=inverse_sqrt",
    ),
}


def corpus(folder: Path) -> list[str]:
    """Settings that read the kit's pieces, PIECES/multi30k/train.sp.en and so on."""
    files = "{train:train.sp,valid:val.sp,test:test_2016_flickr.sp}"
    path = folder.resolve() / "multi30k"
    return [
        "corpus=parallel_text",
        f"corpus.path={path}",
        f"corpus.files={files}",
        "corpus.source=en",
        "corpus.target=de",
    ]


def settings(model: str, folder: Path) -> list[str]:
    """The whole command line of a model, but for how long it trains."""
    return [*corpus(folder), *SHARED, *MODELS[model]]
