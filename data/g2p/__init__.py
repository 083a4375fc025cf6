"""Grapheme-to-phoneme conversion: an invented language, its spelling and how it is read aloud."""
