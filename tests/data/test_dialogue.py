"""The dialogue corpus: reproducible, and carrying what was said from turn to turn."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest
from dialogue.corpus import MAX_TURNS, MIN_TURNS, SERVICES, SIZES, TOPICS, as_jsonl, splits, words
from dialogue.rides_and_films import TAXI, TRAIN
from dialogue.speech import Conversation, Voice, written
from dialogue.words import DAYS, NEXT_DAY, NUMBERS, number
from generate import DATA
from grammar.dice import Dice


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Conversation]]:
    return splits()


@pytest.fixture(scope="module")
def visits(drawn: dict[str, list[Conversation]]) -> list[Conversation]:
    return [conversation for name in SIZES for conversation in drawn[name] if conversation.sort != "small talk"]


@pytest.fixture(scope="module")
def stored() -> dict[str, list[list[str]]]:
    rows = {}
    for name in SIZES:
        text = (DATA / "dialogue" / f"{name}.jsonl").read_bytes().decode("utf-8")
        rows[name] = [json.loads(line)["turns"] for line in text.removesuffix("\n").split("\n")]
    return rows


def says(turn: str, value: str) -> bool:
    """Whether a turn says a value, in whole words, at its beginning perhaps with a capital."""
    return re.search(rf"\b{re.escape(value)}\b", turn, re.IGNORECASE) is not None


@pytest.mark.parametrize("name", SIZES)
def test_generation_reproduces_the_committed_bytes(drawn: dict[str, list[Conversation]], name: str) -> None:
    assert (DATA / "dialogue" / f"{name}.jsonl").read_bytes() == as_jsonl(drawn[name])


@pytest.mark.parametrize(("name", "size"), [("train", 3_000), ("valid", 200), ("test", 300)])
def test_a_split_has_its_size_and_whole_turns(stored: dict[str, list[list[str]]], name: str, size: int) -> None:
    assert len(stored[name]) == size
    assert all(MIN_TURNS <= len(turns) <= MAX_TURNS for turns in stored[name])
    turns = [turn for turns in stored[name] for turn in turns]
    assert [turn for turn in turns if " ".join(turn.split()) != turn or turn[-1:] not in {".", "?", "!"}] == []
    assert [turn for turn in turns if "{" in turn or not (turn[0].isupper() or turn[0].isdigit())] == []


def test_no_conversation_comes_twice_in_or_across_splits(stored: dict[str, list[list[str]]]) -> None:
    conversations = [tuple(turns) for name in SIZES for turns in stored[name]]
    assert len(set(conversations)) == len(conversations)


@pytest.mark.parametrize("name", ["valid", "test"])
def test_every_word_outside_train_is_known_from_train(stored: dict[str, list[list[str]]], name: str) -> None:
    known, used = (
        {word for turns in stored[split] for turn in turns for word in words(turn)} for split in ("train", name)
    )
    assert used <= known


def test_no_reply_is_too_common_and_openings_vary(stored: dict[str, list[list[str]]]) -> None:
    replies = Counter(turn for turns in stored["train"] for turn in turns[1:])
    assert replies.most_common(1)[0][1] <= 0.02 * replies.total()
    openings = Counter(turns[0] for turns in stored["train"])
    assert openings.most_common(1)[0][1] <= 0.02 * openings.total()


def test_customer_and_clerk_alternate(visits: list[Conversation]) -> None:
    for visit in visits:
        speakers = {mention.turn % 2 for mention in visit.said} | {1 - visit.confirmation % 2}
        assert len(speakers) == 1, visit.turns


def test_the_customer_says_every_piece_where_it_is_noted(visits: list[Conversation]) -> None:
    for visit in visits:
        assert all(says(visit.turns[mention.turn], mention.value) for mention in visit.said), visit.turns


def test_the_confirmation_holds_the_last_value_of_every_piece_and_none_that_was_changed(
    visits: list[Conversation],
) -> None:
    slots = {service.name: {slot.name for slot in service.slots} for service in SERVICES}
    for visit in visits:
        final = {mention.name: mention.value for mention in visit.said}
        confirmation = visit.turns[visit.confirmation]
        assert set(final) == slots[visit.sort]
        assert all(says(confirmation, value) for value in final.values()), visit.turns
        for mention in visit.said:
            if not any(says(value, mention.value) for value in final.values()):
                assert not says(confirmation, mention.value), visit.turns


def test_pieces_are_changed_and_given_together_in_many_visits(visits: list[Conversation]) -> None:
    changed = [visit for visit in visits if len({mention.name for mention in visit.said}) < len(visit.said)]
    together = [visit for visit in visits if max(Counter(mention.turn for mention in visit.said).values()) > 1]
    assert len(changed) > 0.2 * len(visits)
    assert len(together) > 0.5 * len(visits)


@pytest.mark.parametrize(
    ("pattern", "rates"),
    [
        (r"(\w+) tickets? to (\w+) .* (\d+) euros", 12),
        (r"an? (single|double|family) room for (\w+) nights? .* (\d+) euros", 3),
        (r"an? (city|mountain|electric|child's) bike for (\w+) days? .* (\d+) euros", 4),
        (r"(\w+) tickets? for .* (front|middle|back)\. .* (\d+) euros", 3),
    ],
    ids=["fares", "rooms", "bikes", "seats"],
)
def test_a_price_is_a_rate_times_a_number(visits: list[Conversation], pattern: str, rates: int) -> None:
    found: dict[str, set[float]] = {}
    for visit in visits:
        if match := re.search(pattern, visit.turns[visit.confirmation]):
            first, second, price = match.groups()
            count, kind = (first, second) if first in NUMBERS else (second, first)
            found.setdefault(kind, set()).add(int(price) / number(count))
    assert len(found) == rates
    assert all(len(per_one) == 1 for per_one in found.values())


def test_a_closed_day_is_answered_with_the_next(stored: dict[str, list[list[str]]]) -> None:
    turns = [turn for turns in stored["train"] for turn in turns if "we are closed on" in turn]
    assert len(turns) > 20
    for turn in turns:
        (closed,) = re.findall(r"closed on (\w+)s", turn)
        assert {day for day in DAYS if day in turn} == {closed, NEXT_DAY[closed]}


def test_what_is_asked_again_is_answered_as_it_was_told(drawn: dict[str, list[Conversation]]) -> None:
    pairs = [(c, *pair) for conversations in drawn.values() for c in conversations for pair in c.recalled]
    for conversation, told, answered in pairs:
        assert told.value == answered.value
        assert says(conversation.turns[told.turn], told.value), conversation.turns
        assert says(conversation.turns[answered.turn], told.value), conversation.turns
        assert answered.turn - told.turn >= 3
    within_four = [told for _, told, answered in pairs if answered.turn - told.turn <= 4]
    assert len(pairs) > 0.3 * sum(SIZES.values())
    assert len(within_four) > 0.6 * len(pairs)


def test_the_last_turn_alone_does_not_tell_the_reply(stored: dict[str, list[list[str]]]) -> None:
    after: dict[str, set[str]] = {}
    for turns in stored["train"]:
        for last, reply in pairwise(turns):
            after.setdefault(last, set()).add(reply)
    assert all(len(after[last]) > 50 for last in ("Yes, that's right.", "Right.", "Yes, please."))


def test_every_service_and_topic_is_in_every_split(drawn: dict[str, list[Conversation]]) -> None:
    assert len(SERVICES) >= 7
    for conversations in drawn.values():
        assert {service.name for service in SERVICES} < {conversation.sort for conversation in conversations}


def test_facts_of_a_topic_can_be_asked_again_only_if_an_exchange_tells_them() -> None:
    for topic in TOPICS:
        told = " ".join(text for exchange in topic.exchanges for text in (*exchange.question, *exchange.answer))
        assert all(f"{{{name}}}" in told for name in topic.recalls), topic.name


def test_an_order_is_described_as_far_as_it_is_known() -> None:
    assert TRAIN.describe({"town": "Bern"}) == "a train to Bern"
    assert (
        TRAIN.describe({"town": "Bern", "tickets": "two tickets", "day": "Friday"}) == "two tickets to Bern on Friday"
    )
    assert TAXI.describe({"goal": "the zoo", "time": "six"}) == "a taxi to the zoo at six"


def test_a_fare_is_worked_out_from_the_list() -> None:
    assert TRAIN.derived({"town": "Bremen", "tickets": "three tickets"})["price"] == "36"
    assert "price" not in TRAIN.derived({"town": "Bremen"})


def test_a_turn_is_written_with_capitals_and_articles() -> None:
    assert written("", "a orange juice, please.", "and you?") == "An orange juice, please. And you?"
    assert written("so, a table", ", in the name of Hill.") == "So, a table, in the name of Hill."


def test_a_voice_keeps_to_its_half_of_the_phrasings() -> None:
    spoken = [{voice.choose(("a", "b", "c")) for _ in range(40)} for voice in map(Voice, map(Dice, range(20)))]
    assert {frozenset(words) for words in spoken} == {frozenset("ab"), frozenset("bc")}


def test_the_clerk_never_asks_for_what_was_said(visits: list[Conversation]) -> None:
    services = {service.name: service for service in SERVICES}
    for visit in visits:
        since = {mention.name: mention.turn for mention in reversed(visit.said)}
        for slot in services[visit.sort].slots:
            later = visit.turns[since[slot.name] + 1 :]
            assert not any(question in turn for turn in later for question in slot.questions), visit.turns
