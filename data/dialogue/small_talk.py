"""Two acquaintances chat about a topic or two, ask again for what they were told, and part."""

from dataclasses import dataclass

from grammar.dice import Dice

from dialogue.service import fields
from dialogue.speech import Bank, Conversation, Mention, Values, Voice, filled, written
from dialogue.topic import Exchange, Topic
from dialogue.topics_of_life import FEELING
from dialogue.words import FIRST_NAMES

GREETINGS = ("Good morning, {other}.", "Hello, {other}.", "Hi, {other}.", "Hey, {other}.")
MEANWHILE = ("By the way,", "Sorry,", "Tell me,")
REMEMBERED = ("Ah yes, thank you.", "Ah, I remember.", "Right, thanks.")
LEAVING = ("I'm afraid I have to go now.", "I must go now.", "I have to run.", "Here comes my bus.")
PARTING = Exchange(
    ("It was nice to talk to you.", "It was nice to see you.", "See you soon."),
    ("Take care, {me}. Goodbye.", "Goodbye, {me}. Take care.", "Bye, {me}."),
)


@dataclass
class Told:
    """A topic on which a speaker has told some facts: where the last of each name was said."""

    topic: Topic
    facts: Values
    mentions: dict[str, Mention]


class Chat:
    """Plays one chat; consecutive utterances of one speaker make one turn."""

    def __init__(self, topics: tuple[Topic, ...], dice: Dice) -> None:
        self._topics, self._dice = topics, dice
        self._voices = (Voice(dice), Voice(dice))
        first = dice.fair(FIRST_NAMES)
        self._names = (first, dice.fair([name for name in FIRST_NAMES if name != first]))
        self._turns: list[list[str]] = []
        self._told: tuple[list[Told], list[Told]] = ([], [])
        self._recalled: list[tuple[Mention, Mention]] = []

    def play(self) -> Conversation:
        """The whole conversation."""
        self._say(0, GREETINGS, {})
        is_long = len(self._topics) > 1
        asker = self._talk(0, FEELING, most=0) if self._dice.chance(0.1 if is_long else 0.3) else 0
        for topic in self._topics:
            asker = self._talk(asker, topic, most=1 if is_long else 2)
        if self._dice.chance(0.85):
            asker = self._recall(asker)
        self._part(asker)
        turns = tuple(written(*parts) for parts in self._turns)
        return Conversation("small talk", turns, recalled=tuple(self._recalled))

    def _say(self, speaker: int, bank: Bank, facts: Values) -> str:
        """Adds an utterance, unless it is empty; returns its phrasing before the values are filled in."""
        if not any(bank):
            return ""
        if len(self._turns) % 2 == speaker:
            self._turns.append([])
        phrasing = self._voices[speaker].choose(bank)
        values = {**facts, "me": self._names[speaker], "other": self._names[1 - speaker]}
        self._turns[-1].append(filled(phrasing, values))
        return phrasing

    def _tell(self, teller: int, bank: Bank, told: Told) -> None:
        """An utterance of the one whose facts they are; notes which of them it tells."""
        names = fields(self._say(teller, bank, told.facts)) & set(told.facts)
        told.mentions.update({name: Mention(len(self._turns) - 1, name, told.facts[name]) for name in names})

    def _ask(self, asker: int, exchange: Exchange, told: Told) -> None:
        """A question and its answer."""
        if exchange.turned:
            self._tell(asker, exchange.question, told)
            self._say(1 - asker, exchange.answer, told.facts)
        else:
            self._say(asker, exchange.question, told.facts)
            self._tell(1 - asker, exchange.answer, told)

    def _start(self, teller: int, topic: Topic) -> Told:
        """Draws the facts of a speaker, none of which the other has told."""
        others = [told.facts for told in self._told[1 - teller] if told.topic is topic]
        facts: dict[str, str] = {}
        for rows in topic.tables:
            new = [row for row in rows if not any(row.items() <= other.items() for other in others)]
            facts |= self._dice.pick([row for row in new if row.get("friend") not in self._names])
        told = Told(topic, facts, {})
        self._told[teller].append(told)
        return told

    def _talk(self, asker: int, topic: Topic, *, most: int) -> int:
        """Some exchanges on the topic; returns who may go on speaking."""
        first, *others = topic.exchanges
        told = self._start(asker if first.turned else 1 - asker, topic)
        self._ask(asker, first, told)
        if topic.returned and self._dice.chance(0.3):
            asker = 1 - asker
            self._say(asker, topic.returned, {})
            self._say(1 - asker, first.reaction, told.facts)
            told = self._start(1 - asker, topic)
            self._tell(1 - asker, first.answer, told)
        self._say(asker, first.reaction, told.facts)
        asker = 1 - asker if first.turned else asker
        left = min(len(others), most - int(self._dice.chance(0.25)))
        for place, exchange in enumerate(others):
            if self._dice.chance(left / (len(others) - place)):
                self._ask(asker, exchange, told)
                self._say(asker, exchange.reaction, told.facts)
                left -= 1
        has_reacted = (len(self._turns) - 1) % 2 == asker
        return asker if has_reacted or self._dice.chance(0.5) else 1 - asker

    def _recall(self, asker: int) -> int:
        """The one who heard a fact asks for it again; returns who may go on speaking."""
        for hearer in (asker, 1 - asker):
            known = [
                (told, name)
                for told in self._told[1 - hearer]
                for name in told.topic.recalls
                if name in told.mentions and told.mentions[name].turn < len(self._turns) - 2
            ]
            if known:
                known.sort(key=lambda fact: -fact[0].mentions[fact[1]].turn)
                self._ask_again(hearer, *self._dice.pick(known[:2]))
                return hearer
        return asker

    def _ask_again(self, asker: int, told: Told, name: str) -> None:
        exchange = told.topic.recalls[name]
        self._say(asker, MEANWHILE, {})
        self._say(asker, exchange.question, told.facts)
        self._say(1 - asker, exchange.answer, told.facts)
        self._recalled.append((told.mentions[name], Mention(len(self._turns) - 1, name, told.facts[name])))
        self._say(asker, REMEMBERED, {})

    def _part(self, speaker: int) -> None:
        """The speaker leaves with a wish that fits what was told, if it fits."""
        heard = [
            told
            for told in self._told[1 - speaker]
            if fields(*told.topic.farewell.question) - {"he", "his", "him"} <= set(told.mentions)
        ]
        farewell = heard[-1].topic.farewell if heard else PARTING
        facts = heard[-1].facts if heard else {}
        self._say(speaker, LEAVING, {})
        self._say(speaker, farewell.question, facts)
        self._say(1 - speaker, farewell.answer, facts)
