from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from itertools import combinations

import pytest
import torch
from torch import Tensor

from seq2seq_pl import beam_tree
from seq2seq_pl.beam_tree import Node, drawing, grow, layout, outline
from seq2seq_pl.decoding.beam import Beam
from seq2seq_pl.page import Section, page
from seq2seq_pl.picture import Spot
from seq2seq_pl.values import EOS, Batch, Candidate, Hypothesis, SearchState

A, B, C = 4, 5, 6
WORDS = {2: "<s>", 3: "</s>", A: "▁a", B: "▁b", C: "▁c"}
STEPS = [
    [
        Candidate(1, 0, A, -0.5, -0.5, "live", 0),
        Candidate(1, 0, B, -1.0, -1.0, "live", 1),
        Candidate(1, 0, C, -2.0, -2.0, "pruned"),
    ],
    [
        Candidate(2, 1, A, -1.25, -0.625, "live", 0),
        Candidate(2, 0, EOS, -1.5, -0.75, "kept"),
        Candidate(2, 0, A, -2.5, -1.25, "live", 1),
        Candidate(2, 1, EOS, -3.0, -1.5, "pruned"),
    ],
    [Candidate(3, 0, EOS, -1.5, -0.5, "kept"), Candidate(3, 1, C, -4.0, -1.3, "live", 0)],
]
"""A beam of two: "a", "b a" and the unfinished "a a c" come out of it."""


def word(token: int) -> str:
    return WORDS.get(token, f"▁w{token}")


def described(node: Node) -> str:
    """The tree as one line; capitals are the marked ones."""
    name = node.text.strip("▁</>")
    below = " ".join(described(child) for child in node.children)
    return (name.upper() if node.best else name) + (f"({below})" if below else "")


def walk(node: Node, depth: int = 0) -> Iterator[tuple[Node, int]]:
    yield node, depth
    for child in node.children:
        yield from walk(child, depth + 1)


class Table:
    """Log-probabilities drawn from a seed for each prefix."""

    def start(self, batch: Batch) -> SearchState:
        return SearchState((), ({"prefix": batch.source[:, None, :1]},))

    def step(self, tokens: Tensor, state: SearchState, need_weights: bool = False) -> tuple[Tensor, SearchState]:
        prefix = torch.cat((state.states[0]["prefix"], tokens.unsqueeze(2)), dim=2)
        drawn = [
            [[random.Random(f"{ids} {v}").gauss(0, 2) for v in range(12)] for ids in row] for row in prefix.tolist()
        ]
        return torch.tensor(drawn).log_softmax(2), SearchState((), ({"prefix": prefix},))


def searched(seed: int, beam_size: int) -> tuple[list[list[Candidate]], list[Hypothesis]]:
    """What a real beam search tells, and what it returns."""
    batch = Batch(torch.tensor([[100 + seed, 5, EOS]]), torch.zeros(1, 0, dtype=torch.long), torch.tensor([0]), "t")
    steps: list[list[Candidate]] = []
    search = Beam(beam_size=beam_size, n_best=beam_size)
    (found,) = search.decode(Table(), batch, lambda row, candidates: steps.append(list(candidates)))
    return steps, found


# -- the tree --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("best", "tree"),
    [
        ((B, A), "S(a(s a(c)) B(A(S) s) c)"),
        ((A,), "S(A(S a(c)) b(a(s) s) c)"),
        ((A, A, C), "S(A(s A(C)) b(a(s) s) c)"),  # unfinished
        ((B,), "S(a(s a(c)) B(a(s) s) c)"),  # its EOS was pruned
        ((C, C), "s(a(s a(c)) b(a(s) s) c)"),  # never seen
        ((C,), "s(a(s a(c)) b(a(s) s) c)"),  # pruned
        ((), "s(a(s a(c)) b(a(s) s) c)"),
        ((A,) * 9, "s(a(s a(c)) b(a(s) s) c)"),
    ],
)
def test_a_candidate_hangs_on_its_parent_and_the_result_is_marked(best: tuple[int, ...], tree: str) -> None:
    assert described(grow(STEPS, word, best)) == tree


def test_a_token_has_the_probability_that_it_adds() -> None:
    root = grow(STEPS, word, (B, A))
    b = root.children[1]
    assert (root.log_prob, b.log_prob, b.children[0].log_prob) == (0.0, -1.0, -0.25)
    assert b.children[0].chance == pytest.approx(math.exp(-0.25))


def test_of_two_beginnings_alike_the_one_that_leads_to_the_result_is_marked() -> None:
    twice = [Candidate(1, 0, A, -1.0, -1.0, "live", place) for place in (0, 1)]
    steps = [twice, [Candidate(2, 0, B, -2.0, -2.0, "live", 0), Candidate(2, 1, EOS, -3.0, -1.5, "kept")]]
    assert described(grow(steps, word, (A,))) == "S(a(b) A(S))"


def test_a_search_that_told_nothing_is_a_root() -> None:
    root = grow([], word, ())
    assert described(root) == "s"
    assert [spot.text for spot in layout(root)] == ["<s>"]
    assert "none of these" in drawing(root)
    assert "s&gt;" in outline(root)


@pytest.mark.parametrize("beam_size", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_tree_of_a_real_search_holds_all_it_told_and_all_it_found(seed: int, beam_size: int) -> None:
    steps, found = searched(seed, beam_size)
    for hypothesis in found:
        root = grow(steps, word, hypothesis.tokens)
        nodes = list(walk(root))
        assert len(nodes) == 1 + sum(map(len, steps))
        assert all(node.candidate is None or node.candidate.step == depth for node, depth in nodes)
        path = [node for node, _ in nodes if node.best]
        ids = [node.candidate.token for node in path if node.candidate is not None]
        assert ids == [*hypothesis.tokens, *([EOS] if hypothesis.finished else [])]
        assert sum(node.log_prob for node in path) == pytest.approx(hypothesis.log_prob, abs=1e-4)


# -- the outline -----------------------------------------------------------------------------------------------------


def test_the_outline_is_open_along_the_result_only() -> None:
    text = outline(grow(STEPS, word, (B, A)))
    opened = re.findall(r"<details open><summary><span class=\"row\"><bdi class=\"best\">(.*?)</bdi>", text)
    assert opened == ["&lt;s&gt;", "b", "a"]
    assert text.count("<details>") == 2  # "a" and "a a"
    assert text.count("<details") == text.count("</details>")


def test_the_outline_says_numbers_and_fate() -> None:
    text = outline(grow(STEPS, word, (B, A)))
    row = re.sub(r"<[^>]*>", " ", text[text.index("-1.250") - 300 : text.index("-1.250") + 80])
    assert "a → live log-prob -0.250 total -1.250 score -0.625" in " ".join(row.split())
    assert text.count("✓ kept") == 2
    assert text.count("✗ pruned") == 2


def test_pruned_ones_beyond_three_are_folded_but_all_there() -> None:
    pruned = [Candidate(1, 0, token, -1.0 * token, -1.0 * token, "pruned") for token in range(10, 16)]
    root = grow([[*pruned, Candidate(1, 0, A, -9.0, -9.0, "live", 0)]], word, (A,))
    assert [spot.text for spot in layout(root)] == ["<s>", "a", "w10", "w11", "w12", "+3 pruned"]
    text = outline(root)
    assert text.count("✗ pruned") == 6
    assert '<details class="folded"><summary>+3 pruned</summary>' in text


# -- the drawing -----------------------------------------------------------------------------------------------------


def curves(spots: list[Spot]) -> list[tuple[float, float, float]]:
    """Column, start and end of each line."""
    return [(spots[spot.parent].x, spots[spot.parent].y, spot.y) for spot in spots if spot.parent >= 0]


@pytest.mark.parametrize("seed", range(5))
def test_no_two_boxes_touch_and_no_two_lines_cross(seed: int) -> None:
    steps, found = searched(seed, 6)
    spots = layout(grow(steps, word, found[0].tokens))
    for one, other in combinations(spots, 2):
        aside = one.x + one.width < other.x or other.x + other.width < one.x
        assert aside or abs(one.y - other.y) >= beam_tree.ROW
    for (column, start, end), (other_column, other_start, other_end) in combinations(curves(spots), 2):
        if column == other_column and start != other_start:
            assert (start < other_start) == (end < other_end)


def test_the_result_is_a_straight_line_on_top_and_a_column_is_a_step() -> None:
    steps, found = searched(0, 4)
    spots = layout(grow(steps, word, found[0].tokens))
    assert {spot.y for spot in spots if spot.best} == {min(spot.y for spot in spots)}
    assert len({spot.x for spot in spots}) == len(steps) + 1
    assert all(spots[spot.parent].x < spot.x for spot in spots[1:])


def test_a_line_is_as_wide_as_its_token_is_likely() -> None:
    by_text = {spot.hint: spot for spot in layout(grow(STEPS, word, (B, A)))}
    likely = by_text["\u2068a\u2069: live, log-prob -0.2500, total -1.2500, score -0.6250"]
    assert (likely.note, likely.line) == ("78%", pytest.approx(1 + 5 * math.exp(-0.25)))


def test_the_drawing_says_what_it_is_and_shows_each_fate() -> None:
    text = drawing(grow(STEPS, word, (B, A)))
    svg = text[text.index("<svg") : text.index("</svg>")]
    assert "<title>Tree of the search</title>" in svg
    assert "<desc>3 steps from left to right. The result: \u2068&lt;s&gt;\u2069 \u2068b\u2069 \u2068a\u2069" in svg
    assert svg.count('class="box"') == 10
    assert svg.count('class="ring"') == 2
    assert svg.count("<path") == 9
    assert svg.count('<g class="pruned">') == 2 * 2  # a line and a box each
    assert len(re.findall(r'<g class="\w+ best"><path', svg)) == 3
    assert svg.rindex("<path") > svg.rindex('best"><path')  # nothing is drawn over the result's line


def test_wide_letters_get_wide_boxes() -> None:
    spots = [
        layout(grow([[Candidate(1, 0, A, -1.0, -1.0, "live", 0)]], {2: "", A: text}.__getitem__, ()))[1]
        for text in ("", "aaaa", "猫猫猫猫", "a\u0301a\u0301a\u0301a\u0301")
    ]
    assert spots[0].width < spots[1].width < spots[2].width
    assert spots[1].width == spots[3].width


# -- any text, any number, any length --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["<script>x</script>", "\"&'", "\u202eabc", "\x00\u2028", "{{ 1 }}", "قط", "\ud800"])
def test_tokens_are_shown_as_they_are(text: str) -> None:
    def tags(text: str) -> list[str]:
        root = grow(STEPS, lambda token: text, (B, A))
        document = page("t", [Section("s", outline(root) + drawing(root))], style=beam_tree.STYLE)
        document.encode("utf-8")
        return re.findall(r"</?[a-z0-9]+", document)

    assert tags(text) == tags("harmless")


def test_impossible_continuations_can_be_drawn() -> None:
    nothing = -math.inf
    steps = [
        [Candidate(1, 0, A, nothing, nothing, "live", 0), Candidate(1, 0, B, math.nan, math.nan, "pruned")],
        [Candidate(2, 0, B, nothing, nothing, "pruned")],
    ]
    root = grow(steps, word, ())
    assert [spot.note for spot in layout(root)] == ["", "0%", "0%", "0%"]
    assert "-inf" in outline(root)
    assert "nan" in drawing(root)


def test_an_output_of_a_thousand_tokens_can_be_drawn() -> None:
    steps = [[Candidate(step, 0, A, -0.5 * step, -0.5, "live", 0)] for step in range(1, 1001)]
    root = grow(steps, word, (A,) * 1000)
    assert outline(root).count("<details open>") == 1000
    assert drawing(root).count("<path") == 1000
