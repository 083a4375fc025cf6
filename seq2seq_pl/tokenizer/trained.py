"""What all tokenizers share: text normalisation, pre-tokenisation, and a trained model of the `tokenizers` library.

Text is first normalised: Unicode NFC, every run of white space to one space, none at the ends. Then each space becomes
the meta symbol ▁ at the start of the word that follows (SentencePiece, https://arxiv.org/abs/1808.06226), so that
joining tokens gives the text back exactly. A literal ▁ (U+2581) becomes an underscore. The first word gets a ▁ too, so
that it is the same token as inside a sentence; not so before Chinese and Japanese, which are written without spaces.
"""

from __future__ import annotations

import itertools
import json
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.values import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

SPACE = "▁"
UNKNOWN = "⁇"
FORMAT_VERSION = 1
NO_LIMIT = 2**31
LARGEST = 10_000_000
"""Of a number in the settings; the library reserves memory for a whole BPE vocabulary in advance."""
WORDS = 2**17
"""Words whose ids are remembered."""
LONGEST_WORD = 40
"""Characters of a word whose ids are remembered."""
SUBWORD_VOCABULARY = 8000
"""Size of a subword vocabulary where none is asked for and the training text can fill it."""
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー"  # characters of scripts written without spaces
UNSPACED_PUNCTUATION = r"\x{3000}-\x{303F}\x{FF00}-\x{FFEF}"
SYMBOL = rf"{SPACE}?[[\p{{P}}\p{{S}}]&&[^{SPACE}]]"  # one punctuation mark or symbol, with the space before it

Setting = int | float | bool | None


def _before_fork() -> None:
    """Keeps a forked worker off the library's thread pool, which does not survive a fork (the library would warn)."""
    global _parallelism
    _parallelism = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def _after_fork_in_parent() -> None:
    if _parallelism is None:
        os.environ.pop("TOKENIZERS_PARALLELISM", None)
    else:
        os.environ["TOKENIZERS_PARALLELISM"] = _parallelism


_parallelism: str | None = None
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)


def normalizer(*, lowercase: bool) -> normalizers.Normalizer:
    """Text to one line of words that start with ▁."""
    case = [normalizers.Lowercase()] if lowercase else []
    return normalizers.Sequence(
        [
            *case,
            normalizers.NFC(),
            normalizers.Replace(SPACE, "_"),
            normalizers.Replace(Regex(r"[\s\x{1c}-\x{1f}\x{85}]+"), " "),
            normalizers.Strip(),
            normalizers.Replace(" ", SPACE),
            normalizers.Prepend(SPACE),
            normalizers.Replace(Regex(rf"^{SPACE}(?=[{UNSPACED}{UNSPACED_PUNCTUATION}])"), ""),
        ]
    )


def isolate(pattern: str) -> pre_tokenizers.PreTokenizer:
    """Cuts normalised text into the matches of a pattern that leaves nothing unmatched."""
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def subwords() -> pre_tokenizers.PreTokenizer:
    """Cuts before each ▁ and around each punctuation mark, so that no subword crosses them: "▁dog" + "."."""
    return isolate(rf"{SYMBOL}|{SPACE}?[^{SPACE}\p{{P}}\p{{S}}]+|{SPACE}")


def valid_text(text: str) -> str:
    """The text with lone surrogates, which no UTF-8 file can hold but JSON can spell, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def check_range(name: str, value: int, minimum: int, hint: str) -> None:
    """Raises UserError if a setting is too small, or so large that the library takes no such number."""
    if value < minimum:
        raise UserError(f"tokenizer.{name} ({value}) must be at least {minimum}; {hint}.")
    if value > LARGEST:
        raise UserError(f"tokenizer.{name} ({value}) must be at most {LARGEST}; {hint}.")


def check_subword_vocabulary(vocab_size: int | None) -> None:
    """Raises UserError for a subword vocabulary that has room for nothing."""
    if vocab_size is not None:
        check_range("vocab_size", vocab_size, len(SPECIAL_TOKENS) + 2, f"try {SUBWORD_VOCABULARY}")


def overfull(vocab_size: int, attainable: int) -> UserError:
    """The error for a vocabulary that the training text cannot fill."""
    return UserError(
        f"tokenizer.vocab_size ({vocab_size}) is more than this training text can fill (at most {attainable}); "
        f"set tokenizer.vocab_size={attainable} or less, or train on more text."
    )


def too_small(vocab_size: int, characters: int) -> UserError:
    """The error for a vocabulary with no room for every character of the training text."""
    needed = len(SPECIAL_TOKENS) + characters
    return UserError(
        f"tokenizer.vocab_size ({vocab_size}) is less than the {len(SPECIAL_TOKENS)} special tokens and {characters} "
        f"characters of this training text; set tokenizer.vocab_size={needed} or more."
    )


class TrainedTokenizer(Tokenizer):
    """A tokenizer whose model lives in the `tokenizers` library.

    A subclass names its `kind`, hands its constructor arguments over as `settings`, says how text is cut before the
    model sees it, and fits a model. The library is given no added tokens, and no piece spans punctuation, so that text
    such as "<s>" is only ever text.
    """

    kind: str
    unknown = UNKNOWN

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self.settings = dict(settings)
        self._trained: tokenizers.Tokenizer | None = None
        self._tokens: list[str] = []
        self._ids: dict[str, int] = {}
        self._tags: dict[str, int] = {}
        self._words: dict[str, list[int]] = {}

    @abstractmethod
    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """How normalised text is cut before the model sees it."""

    @abstractmethod
    def fit(self, texts: Iterator[str]) -> models.Model:
        """The model of these texts, at least one of them not empty. Raises UserError if they cannot fill it."""

    @property
    def trained(self) -> tokenizers.Tokenizer:
        """The trained tokenizer."""
        assert self._trained is not None, "train or load the tokenizer first"
        return self._trained

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens and tags counted."""
        return len(self._tokens)

    @property
    def stochastic(self) -> bool:
        """Whether `encode` draws from its `rng`."""
        return False

    def assemble(self, model: models.Model) -> tokenizers.Tokenizer:
        """A library tokenizer that normalises and cuts text our way around this model."""
        library = tokenizers.Tokenizer(model)
        library.normalizer = normalizer(lowercase=bool(self.settings["lowercase"]))
        library.pre_tokenizer = self.pre_tokenizer()
        return library

    def train(self, texts: Iterable[str], tags: Sequence[str] = ()) -> None:
        """Learns the vocabulary, streaming. Raises UserError if the text cannot fill the vocabulary asked for."""
        filled = (text for text in map(valid_text, texts) if text.strip())
        first = next(filled, None)
        if first is None:
            raise UserError("tokenizer: the training text is empty; check the train split of the corpus.")
        self._adopt(self.assemble(self.fit(itertools.chain([first], filled))), tags)

    def tag(self, name: str) -> int | None:
        """The id of a tag; None where there is no such tag."""
        return self._tags.get(name)

    def encode(self, texts: Sequence[str], rng: np.random.Generator | None = None) -> list[list[int]]:
        """Ids of each text, without BOS and EOS; `rng` is for tokenizers with subword regularisation.

        No token spans a space and no word is cut otherwise because of its neighbours, so the ids of a text are those of
        its words, and those of frequent words are remembered: the library would normalise and cut them every time.
        """
        if len(self._words) > WORDS:
            self._words.clear()
        valid = list(map(valid_text, texts))
        rows = [text.split(" ") for text in valid]
        self._remember(set().union(*rows).difference(self._words))
        known = [all(map(self._words.__contains__, words)) for words in rows]
        whole = iter(self._encode([text for text, found in zip(valid, known, strict=True) if not found]))
        chain, ids_of = itertools.chain.from_iterable, self._words.__getitem__
        return [
            list(chain(map(ids_of, words))) if found else next(whole) for words, found in zip(rows, known, strict=True)
        ]

    def _remember(self, words: Iterable[str]) -> None:
        """Learns the ids of words that are read alike at the start of a text, where ▁ may be left out, and inside."""
        alike = [word for word in words if len(word) <= LONGEST_WORD and self.normal(word)[:1] in ("", SPACE)]
        self._words.update(zip(alike, self._encode(alike), strict=True))

    def _encode(self, texts: list[str]) -> list[list[int]]:
        """Ids of each text, in parallel."""
        return [found.ids for found in self.trained.encode_batch_fast(texts, add_special_tokens=False)]

    def pieces(self, texts: Sequence[str], rng: np.random.Generator | None = None) -> list[list[str]]:
        """The text behind each id of `encode`; the pieces of a text make up the text, normalised."""
        bare = tokenizers.Tokenizer(self.trained.model)  # normalises nothing, so that offsets are into what it is given
        bare.pre_tokenizer = self.trained.pre_tokenizer
        normal = [self.normal(text) for text in texts]
        encodings = bare.encode_batch(normal, add_special_tokens=False)
        return [[text[i:j] for i, j in found.offsets] for text, found in zip(normal, encodings, strict=True)]

    def piece_ids(self, pieces: Sequence[str]) -> list[int]:
        """The id of each piece; UNK where the vocabulary lacks it."""
        return [self._ids.get(piece, UNK) for piece in pieces]

    def normal(self, text: str) -> str:
        """The text as the vocabulary writes it."""
        normalized: str = self.trained.normalizer.normalize_str(valid_text(text))
        return normalized

    def decode(self, ids: Sequence[int], copied: Sequence[str] = ()) -> str:
        """The text a person would have written; special tokens and tags are left out, `<unk>` is shown as "⁇"."""
        hidden = {PAD, BOS, EOS, *self._tags.values()}
        shown = [i for i in ids if i not in hidden]
        tokens = zip(shown, self.tokens(shown, copied), strict=True)
        pieces = (self.unknown if i == UNK else token for i, token in tokens)
        return " ".join("".join(pieces).replace(SPACE, " ").split())

    def tokens(self, ids: Sequence[int], copied: Sequence[str] = ()) -> list[str]:
        """The tokens behind the ids; ▁ stands for a space."""
        size = self.vocab_size
        return [self._tokens[i] if i < size else copied[i - size] for i in ids]

    def to_json(self) -> str:
        """Kind, settings and the library's own serialisation; the counterpart of `load`."""
        content = {"kind": self.kind, "version": FORMAT_VERSION, "settings": self.settings, "tags": list(self._tags)}
        return json.dumps({**content, "library": json.loads(self.trained.to_str())}, ensure_ascii=False)

    def load(self, text: str) -> None:
        """Restores what `to_json` wrote, settings included. Raises UserError if it is not such a text."""
        try:
            content = json.loads(text)
            kind, version, settings = content["kind"], content["version"], content["settings"]
            serialized, tags = json.dumps(content["library"]), content.get("tags", [])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError("tokenizer.json is not a saved tokenizer; delete it or train again.") from error
        if kind != self.kind:
            raise UserError(f"tokenizer.json holds a {kind} tokenizer, not {self.kind}; set tokenizer={kind}.")
        if version != FORMAT_VERSION:
            raise UserError(
                f"tokenizer.json has format version {version}, this program reads {FORMAT_VERSION}; "
                "use the program version that wrote it, or train again."
            )
        try:
            library = tokenizers.Tokenizer.from_str(serialized)
            type(self)(**settings)  # checks names and ranges
            if not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
                raise ValueError(f"tags {tags}")
        except Exception as error:  # the library raises plain Exception
            raise UserError(f"tokenizer.json is damaged ({error}); delete it or train again.") from error
        self.settings = settings
        self._adopt(library, tags)

    def _adopt(self, library: tokenizers.Tokenizer, tags: Sequence[str]) -> None:
        vocabulary = library.get_vocab()
        self._trained = library
        self._words = {}
        self._tokens = sorted(vocabulary, key=vocabulary.__getitem__)
        self._ids = {token: i for i, token in enumerate(self._tokens) if i >= len(SPECIAL_TOKENS)}
        self._tags = {name: len(self._tokens) + k for k, name in enumerate(tags)}
        self._tokens += [f"<{name}>" for name in tags]  # unknown to the library, so that no text has them
