import math
import random
import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.values import BOS, PAD

LSTM_BOTH = {
    f"{side}.{key}": value for side in ("encoder", "decoder") for key, value in [("cell", "lstm"), ("layers", 2)]
}
SUTSKEVER = {
    **LSTM_BOTH,
    "dropout": 0.0,
    "embedding.size": 32,
    "embedding.scale": False,
    "encoder.bidirectional": False,
}
SUTSKEVER |= {"encoder.hidden_size": 64, "decoder.hidden_size": 64}


class PlainSeq2Seq(nn.Module):
    """The field's first example in plain PyTorch: two LSTM layers on each side, stepped token by token."""

    def __init__(self) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(100, 32, padding_idx=PAD)
        self.target_embedding = nn.Embedding(100, 32, padding_idx=PAD)
        self.encoder = nn.LSTM(32, 64, num_layers=2, batch_first=True)
        self.decoder = nn.LSTM(32, 64, num_layers=2, batch_first=True)
        self.output = nn.Linear(64, 100)

    def forward(self, source: Tensor, target: Tensor, ratio: float) -> Tensor:
        """source (B, S), target (B, T) -> logits (B, T, V)."""
        _, state = self.encoder(self.source_embedding(source))
        token, logits = torch.full_like(target[:, :1], BOS), []
        for t in range(target.shape[1]):
            hidden, state = self.decoder(self.target_embedding(token), state)
            logits.append(self.output(hidden))
            token = target[:, t : t + 1] if torch.rand(()) < ratio else logits[-1].argmax(-1)
        return torch.cat(logits, dim=1)


def plain_name(name: str) -> str:
    """Our parameter's name -> the plain model's; the embeddings are called the same."""
    return re.sub(r"recurrent\.layers\.(\d)\.(\w+)_l0", r"\2_l\1", name).replace("output.linear.", "output.")


def train_ten_steps(model: nn.Module, logits_of, target: Tensor) -> list[float]:
    """Adam, learning rate 1e-3, gradient norm clipped at 1; the mean loss in nats before each step."""
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=1e-3), []
    torch.manual_seed(5)
    for _ in range(10):
        loss = F.cross_entropy(logits_of().flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_two_lstm_layers_without_attention_train_as_plain_pytorch_does(build, batch_of, ratio):
    model = build({"attention": "none", "bridge": "last"}, SUTSKEVER, (100, 100))
    plain = PlainSeq2Seq()
    plain.load_state_dict({plain_name(name): value for name, value in model.state_dict().items()})  # strict
    draw = random.Random(3)
    sources, targets = ([[draw.randrange(4, 100) for _ in range(size - 1)] for _ in range(10)] for size in (7, 9))
    batch = batch_of(sources, targets)
    assert (batch.source.shape, batch.target.shape) == ((10, 7), (10, 9))

    losses = train_ten_steps(model, lambda: model.output(model(batch, ratio)[0]), batch.target)
    expected = train_ten_steps(plain, lambda: plain(batch.source, batch.target, ratio), batch.target)
    assert losses == pytest.approx(expected, rel=1e-5)
    assert losses[0] == pytest.approx(math.log(100), abs=0.1)
    assert losses[-1] < losses[0]


def test_log_probs_are_float32_whatever_the_model_computes_in(build, batch):
    model = build({}, {"embedding.size": 7}, (11, 13)).eval().bfloat16()
    log_probs, _ = model.step(torch.full((3, 1), BOS), model.start(batch))
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(3, 1))


def test_each_side_has_an_embedding_of_its_own_vocabulary(build):
    model = build({}, {"embedding.size": 7}, (11, 13))
    assert model.source_embedding.weight.shape == (11, 7)
    assert model.target_embedding.weight.shape == (13, 7)


def test_dropout_falls_on_the_embedded_tokens_of_both_sides(build, batch):
    settings = {"dropout": 0.5, "encoder.dropout": 0.0, "decoder.dropout": 0.0, "decoder.output_dropout": 0.0}
    model = build({"attention": "none"}, settings, (11, 13)).train()
    assert not torch.allclose(model.encode(batch).states, model.encode(batch).states)
    search, token = model.start(batch), torch.full((3, 1), 5)
    assert not torch.allclose(model.step(token, search)[0], model.step(token, search)[0])
    model.eval()
    assert torch.equal(model.encode(batch).states, model.encode(batch).states)
    assert torch.equal(model.step(token, search)[0], model.step(token, search)[0])


def test_a_coin_for_every_token_decides_what_its_sentence_reads(build, batch):
    model = build({}, {"scheduled_sampling": "token", "embedding.size": 7}, (11, 13)).eval()
    torch.manual_seed(11)
    outputs, _ = model(batch, teacher_forcing_ratio=0.5)
    torch.manual_seed(11)
    coins = [torch.rand(3, 1) < 0.5 for _ in range(4)]
    assert any(0 < coin.sum() < 3 for coin in coins[:3])  # sentences go different ways in one step
    memory = model.encode(batch)
    state, previous = model.decoder.start(memory), torch.full((3, 1), BOS)
    for t, forced in enumerate(coins):
        expected, _, state = model.decoder.step(model.target_embedding(previous), state, memory)
        torch.testing.assert_close(outputs[:, t : t + 1], expected)
        previous = torch.where(forced, batch.target[:, t : t + 1], model.output(expected).argmax(-1))


def test_one_embedding_for_everything_is_one_matrix(build, batch_of):
    apart = build({"output": "tied"}, {"embedding.size": 7}, (13, 13))
    shared = build({"output": "tied"}, {"embedding.size": 7, "share_embeddings": True}, (13, 13))
    assert shared.source_embedding is shared.target_embedding
    assert shared.output.weight is shared.target_embedding.weight
    counts = [sum(parameter.numel() for parameter in model.parameters()) for model in (apart, shared)]
    assert counts[0] - counts[1] == 13 * 7
    batch = batch_of([[5, 6]], [[7]])
    shared.logits(batch, *shared(batch)).logsumexp(-1).sum().backward()
    gradient = shared.source_embedding.weight.grad
    assert all(gradient[token].abs().sum() > 0 for token in (5, 6, BOS, 12))  # read, read, written after, scored


def test_vocabularies_of_different_sizes_cannot_share_an_embedding(build):
    message = r"^model.share_embeddings=true needs one vocabulary for both sides: shared_vocabulary=true\.$"
    with pytest.raises(UserError, match=message):
        build({}, {"share_embeddings": True}, (11, 13))


@pytest.mark.parametrize("dropout", [1.0, -0.1])
def test_a_dropout_outside_its_range_is_refused(build, dropout):
    settings = {"encoder.dropout": 0.0, "decoder.dropout": 0.0, "decoder.output_dropout": 0.0, "dropout": dropout}
    with pytest.raises(UserError, match=rf"^model\.dropout \({dropout}\) must be at least 0 and below 1\.$"):
        build({}, settings, (11, 13))


def random_strings(count: int, seed: int) -> list[list[int]]:
    """Strings of 3 to 7 symbols out of 10."""
    draw = random.Random(seed)
    return [[draw.randrange(4, 14) for _ in range(draw.randint(3, 7))] for _ in range(count)]


FAMILIES = {
    "recurrent": ({}, {"decoder.hidden_size": 64}, 5e-3, 600),
    "transformer": ({"encoder": "transformer", "decoder": "transformer", "attention": "multi_head"}, {}, 3e-3, 600),
    "convolutional": ({"encoder": "conv", "decoder": "conv", "attention": "scaled_dot"}, {}, 3e-3, 900),
}
"""Parts, sizes where they are not 32, learning rate, steps."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("order", [1, -1], ids=["copy", "reverse"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_to_copy_and_to_reverse(build, batch_of, family, order, seed):
    parts, sizes, rate, steps = FAMILIES[family]
    layers = {"encoder.layers": 2, "decoder.layers": 2} if parts else {}
    sizes = {"encoder.hidden_size": 32, "decoder.hidden_size": 32, **layers, **sizes}
    few = {"encoder.feedforward_size": 64, "decoder.feedforward_size": 64, "attention.size": 32}
    model = build(parts, {"dropout": 0.0, "embedding.size": 32, **few, **sizes}, (14, 14), seed=seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    held_out = random_strings(200, seed=0)
    for step in range(steps):
        strings = [string for string in random_strings(64, seed=1000 * seed + step) if string not in held_out]
        batch = batch_of(strings, [string[::order] for string in strings])
        outputs, _ = model(batch)
        loss = F.cross_entropy(model.output(outputs[batch.target_mask]), batch.target[batch.target_mask])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    test = batch_of(held_out, [string[::order] for string in held_out])
    with torch.no_grad():
        guesses = model.output(model.eval()(test, teacher_forcing_ratio=0.0)[0]).argmax(-1)  # (B, T, V) -> (B, T)
    exact = ((guesses == test.target) | ~test.target_mask).all(dim=1)
    assert exact.float().mean() >= 0.95
