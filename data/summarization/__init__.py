"""The summarization corpus: short invented reports, their one-line summaries, and its three files."""
