"""Grapheme-to-phoneme data of the SIGMORPHON shared tasks: one of their languages."""

from __future__ import annotations

from collections.abc import Mapping

from seq2seq_pl.corpus.download import Download
from seq2seq_pl.corpus.lines import did_you_mean
from seq2seq_pl.corpus.tsv import Tsv
from seq2seq_pl.errors import UserError


class Sigmorphon(Tsv):
    """Files <language>_<part>.tsv of a word, TAB, its pronunciation; further columns go to the field `further`.

    Args:
        path: folder of the files; null = the public original, see `download`.
        language: a language by its code in the names of the files.
        files: split -> part.
        source: name of the first column.
        target: name of the second.
        download: where to get the files of every language when `path` is null.
    """

    def __init__(
        self,
        *,
        path: str | None,
        language: str,
        files: Mapping[str, str],
        source: str,
        target: str,
        download: Download | None = None,
    ) -> None:
        names = {split: f"{language}_{part}.tsv" for split, part in files.items()}
        if path is None and download is not None:
            if not set(names.values()) <= set(download.files):
                languages = sorted({name.rpartition("_")[0] for name in download.files})
                if language in languages:
                    known = sorted(name for name in download.files if name.startswith(f"{language}_"))
                    unknown = sorted(set(names.values()) - set(known))
                    raise UserError(
                        f"corpus.files: {', '.join(unknown)} is none of {', '.join(known)}. Or set corpus.path=DIR."
                    )
                raise UserError(
                    f"corpus.language ({language}) must be one of {', '.join(languages)}"
                    f"{did_you_mean(language, languages)} Or set corpus.path=DIR."
                )
            download = download.only(names.values())
        super().__init__(
            path=path,
            files=names,
            columns=(source, target),
            rest="further",
            source=source,
            target=target,
            download=download,
        )
