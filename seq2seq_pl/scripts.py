"""Writing systems."""

from __future__ import annotations

UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Letters of Thai, Lao, Tibetan, Myanmar, Khmer, Kana and Han, written without spaces between words: a range of
characters, for the inside of a regular expression's brackets."""
