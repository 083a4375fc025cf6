import torch

from seq2seq_pl.model.encoder.transformer import TransformerEncoder


def test_an_input_of_another_size_is_brought_to_the_hidden_size():
    torch.manual_seed(0)
    dropouts = {"dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0}
    sizes = {"hidden_size": 6, "layers": 1, "heads": 2, "feedforward_size": 9, "max_positions": 8}
    wide = TransformerEncoder(5, norm="pre", positions="learned", **sizes, **dropouts)
    same = TransformerEncoder(6, norm="pre", positions="learned", **sizes, **dropouts)
    same.load_state_dict(wide.state_dict() | same.resize.state_dict(), strict=False)
    embedded, mask = torch.randn(2, 4, 5), torch.ones(2, 4, dtype=torch.bool)
    resized = embedded @ wide.resize.weight.T + wide.resize.bias  # (B, S, E) -> (B, S, H)
    torch.testing.assert_close(wide(embedded, mask).states, same(resized, mask).states)
