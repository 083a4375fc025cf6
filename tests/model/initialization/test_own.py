import torch
from torch import nn

from seq2seq_pl.model.initialization.own import Own


def test_every_weight_stays_as_its_part_drew_it():
    model = nn.Sequential(nn.Embedding(5, 3, padding_idx=0), nn.GRU(3, 4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Own()(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
