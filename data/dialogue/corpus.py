"""The three splits of the dialogue corpus and their bytes."""

import json
import re

from grammar.dice import Dice

from dialogue.bookings import BOOKINGS
from dialogue.errands import ERRANDS
from dialogue.rides_and_films import RIDES_AND_FILMS
from dialogue.small_talk import Chat
from dialogue.speech import Conversation
from dialogue.topics_of_leisure import TOPICS_OF_LEISURE
from dialogue.topics_of_life import TOPICS_OF_LIFE
from dialogue.topics_of_outings import TOPICS_OF_OUTINGS
from dialogue.visit import Visit

SIZES = {"train": 3_000, "valid": 200, "test": 300}
SEEDS = {"train": 1, "valid": 2, "test": 3}
SERVICES = (*BOOKINGS, *RIDES_AND_FILMS, *ERRANDS)
TOPICS = (*TOPICS_OF_LIFE, *TOPICS_OF_LEISURE, *TOPICS_OF_OUTINGS)
SMALL_TALK_SHARE = 0.4
SECOND_TOPIC_SHARE = 0.3
MIN_TURNS, MAX_TURNS = 4, 12


def words(text: str) -> set[str]:
    """The words, numbers and marks of a text; one after a space is another than the same without."""
    return set(re.findall(r" ?\w+|[^\w\s]", text))


def draw(dice: Dice) -> Conversation:
    """Any conversation, however long."""
    if not dice.chance(SMALL_TALK_SHARE):
        return Visit(dice.pick(SERVICES), dice).play()
    first = dice.pick(TOPICS)
    if not dice.chance(SECOND_TOPIC_SHARE):
        return Chat((first,), dice).play()
    return Chat((first, dice.pick([topic for topic in TOPICS if topic is not first])), dice).play()


def splits() -> dict[str, list[Conversation]]:
    """All splits. No conversation comes twice, and only train brings words in."""
    seen: set[tuple[str, ...]] = set()
    vocabulary: set[str] = set()
    drawn: dict[str, list[Conversation]] = {}
    for name, size in SIZES.items():
        dice, kept = Dice(SEEDS[name]), drawn.setdefault(name, [])
        while len(kept) < size:
            conversation = draw(dice)
            used = set[str]().union(*map(words, conversation.turns))
            is_readable = name == "train" or used <= vocabulary
            if MIN_TURNS <= len(conversation.turns) <= MAX_TURNS and is_readable and conversation.turns not in seen:
                seen.add(conversation.turns)
                kept.append(conversation)
                vocabulary |= used
    return drawn


def as_jsonl(conversations: list[Conversation]) -> bytes:
    """A split as its file: a conversation a line."""
    lines = [json.dumps({"turns": conversation.turns}, ensure_ascii=False) + "\n" for conversation in conversations]
    return "".join(lines).encode("utf-8")


def files() -> dict[str, bytes]:
    """Every file of this corpus: its path below data/ and its content."""
    return {f"dialogue/{name}.jsonl": as_jsonl(conversations) for name, conversations in splits().items()}
