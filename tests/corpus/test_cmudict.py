import hashlib

from seq2seq_pl.corpus.cmudict import Cmudict

DICTIONARY = """'bout B AW1 T
a AH0
a(2) EY1
a's EY1 Z
aaberg AA1 B ER0 G
aachen AA1 K AH0 N # place, german
aachen(2) AA2 K AH0 N
aargh AA1 R G
aargh(2) AO1 R G
abela AA0 B EH1 L AH0
abela(2) AH0 B EH1 L AH0
x.y. EH1 K S W AY1
"""
# SHA-1 modulo 100: a 52, a's 42, aaberg 1, aachen 12, aargh 6, abela 11
MADE = {
    "train.tsv": "a\tAH\na\tEY\na ' s\tEY Z\na a c h e n\tAA K AH N\n",
    "valid.tsv": "a b e l a\tAA B EH L AH\tAH B EH L AH\n",
    "test.tsv": "a a b e r g\tAA B ER G\na a r g h\tAA R G\tAO R G\n",
}


def test_words_without_stress_are_split_by_their_sha1(server):
    server.content["/data/cmudict.dict"] = DICTIONARY.encode()
    digest = hashlib.sha256(DICTIONARY.encode()).hexdigest()
    corpus = Cmudict(
        url=server.address,
        folder="cmudict",
        originals={"cmudict.dict": {"url": "cmudict.dict", "sha256": digest}},
        files={name: hashlib.sha256(text.encode()).hexdigest() for name, text in MADE.items()},
    )
    directory = corpus.fetch()
    assert {name: (directory / name).read_text() for name in MADE} == MADE
