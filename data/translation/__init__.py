"""The translation corpus: what is drawn, what is held out, and its four files."""
