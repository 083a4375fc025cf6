"""When a training stops early; that it stays stopped is in test_checkpoint.py."""

from __future__ import annotations

import pytest

from seq2seq_pl.callback.early_stopping import EarlyStopping
from seq2seq_pl.errors import UserError


@pytest.mark.parametrize("name", ["patience", "min_delta"])
def test_a_number_below_zero_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=rf"^callback\.early_stopping\.{name} \(-1\) must be at least 0\.$"):
        EarlyStopping(**{"monitor": "score", "mode": "max", "patience": 2, name: -1})


def test_whether_it_has_stopped_is_in_its_state() -> None:
    settings = {"monitor": "score", "mode": "max", "patience": 2}
    one, other = EarlyStopping(**settings), EarlyStopping(**settings)
    one.stopped, one.wait_count = True, 2
    other.load_state_dict(one.state_dict())
    assert (other.stopped, other.wait_count) == (True, 2)
    other.load_state_dict(EarlyStopping(**settings).state_dict())
    assert (other.stopped, other.wait_count) == (False, 0)


def test_more_patience_than_before_is_taken() -> None:
    one, other = (EarlyStopping(monitor="score", mode="max", patience=patience) for patience in (2, 5))
    one.stopped, one.wait_count = True, 2
    other.load_state_dict(one.state_dict())
    assert (other.stopped, other.patience) == (False, 5)
