"""A customer at a service: what is known is carried from turn to turn until the clerk confirms all of it."""

from grammar.dice import Dice

from dialogue.service import Service, Slot, fields
from dialogue.speech import Bank, Conversation, Mention, Values, Voice, written

WELCOME = ("Certainly.", "Of course.", "Sure.")
HEARD = ("Very good.", "Thank you.", "All right.")
CHANGED = ("Certainly.", "Of course.", "No problem.")
REPEATED = ("{what}.", "So, {what}.")
REFUSED = ("May I offer you {offer} instead?", "Would {offer} be all right?", "How about {offer}?")
ACCEPTED = ("Yes, {offer} will do nicely.", "Yes, {offer} is fine.", "All right, {offer} then.")
DECLINED = ("No, then {other}, please.", "Then {other} instead, please.", "Then I'd rather take {other}.")
REPEATED_LAST = ("Let me repeat that: {what}.", "So that is {what}.", "Right, {what}.")
PRICE = ("The price is {price} euros.", "That comes to {price} euros.", "That makes {price} euros.")
IS_IT_RIGHT = ("Is that correct?", "Is that right?", "Okay?")
YES = (
    "Yes, that is correct.",
    "Yes, exactly, thank you.",
    "Yes, please.",
    "Yes, that's right.",
    "Yes, that's it.",
    "Right.",
)
NO = ("I'm sorry, no.", "Not quite.", "No, sorry.")
INTERRUPTING = ("I'm sorry,", "Sorry,", "Oh, wait:")
SORRY = ("Excuse me,", "Sorry,", "One more thing:")
BYE = (
    "Thank you very much. Goodbye.",
    "Thank you for your help. Goodbye.",
    "Perfect, thank you. Goodbye.",
    "Great, thanks. Bye.",
    "Thanks a lot. Bye.",
)
LAST_BYE = (
    "You are very welcome. Goodbye.",
    "Thank you for calling. Goodbye.",
    "You're welcome. Have a nice day.",
    "My pleasure. Bye.",
)


class Visit:
    """Plays one visit; draws everything from the dice."""

    def __init__(self, service: Service, dice: Dice) -> None:
        self._service, self._dice = service, dice
        self._clerk, self._customer = Voice(dice), Voice(dice)
        self._known: dict[str, str] = {}
        self._turns: list[str] = []
        self._said: list[Mention] = []
        self._recalled: list[tuple[Mention, Mention]] = []
        self._reply = ""
        self._must_repeat = True
        self._was_brief = False
        self._has_asked_aside = False

    def play(self) -> Conversation:
        """The whole conversation."""
        self._open()
        while missing := self._missing():
            self._ask(missing[0])
            self._answer(missing)
        confirmation = self._confirm()
        self._close()
        return Conversation(
            self._service.name, tuple(self._turns), tuple(self._said), confirmation, tuple(self._recalled)
        )

    def _values(self, **others: str) -> Values:
        what = self._service.describe(self._known)
        return {**self._known, **self._service.derived(self._known), "what": what, **others}

    def _missing(self) -> list[Slot]:
        return [slot for slot in self._service.slots if slot.name not in self._known]

    def _turn(self, *parts: str) -> None:
        self._turns.append(written(*parts))

    def _learn(self, slot: Slot, value: str) -> None:
        """Notes that the customer's next turn says this value."""
        self._known[slot.name] = value
        self._said.append(Mention(len(self._turns), slot.name, value))

    def _draw(self, slot: Slot, *, besides: tuple[str, ...] = ()) -> str:
        """A value of the slot; one that is refused only where the clerk has just said all that is known."""
        allowed = [value for value in slot.values if value not in besides]
        if self._was_brief or besides:
            allowed = [value for value in allowed if value not in slot.refused]
        return self._dice.fair(allowed)

    # The customer's request

    def _open(self) -> None:
        if self._dice.chance(0.2):
            self._turn(self._clerk.say(self._service.greetings, {}))
        slots = self._service.slots
        wanted = self._dice.weighted([(0, 0.06), (1, 0.14), (2, 0.3), (3, 0.38), (len(slots), 0.12)])
        given = [slot for slot in slots if slot.name in self._service.first]
        others = [slot for slot in slots if slot not in given]
        while others and len(given) < wanted:
            given.append(others.pop(int(self._dice.chance(0.4)) if len(others) > 1 else 0))
        given.sort(key=slots.index)
        inside = [slot for slot in given if not slot.sentences]
        for slot in inside:
            self._learn(slot, self._draw(slot))
        request = self._customer.say(self._service.openings, self._values())
        self._turn(request, *(self._volunteer(slot) for slot in given if slot.sentences))
        self._settle_refusals(given)

    def _volunteer(self, slot: Slot) -> str:
        self._learn(slot, self._draw(slot))
        return self._customer.say(slot.sentences, self._known)

    # Question and answer

    def _ask(self, slot: Slot) -> None:
        """The clerk asks for what is missing, and says what is known unless that was said a moment ago."""
        repeats = bool(self._known) and (self._must_repeat or self._was_brief)
        lead = self._reply
        if not lead and not repeats:
            lead = self._clerk.say(HEARD if self._known else WELCOME, {})
        summary = self._clerk.say(REPEATED, self._values()) if repeats else ""
        self._turn(lead, summary, self._clerk.say(slot.questions, self._values()))
        self._was_brief = bool(self._known) and not repeats
        self._reply, self._must_repeat = "", False

    def _answer(self, missing: list[Slot]) -> None:
        """The customer answers, perhaps with a piece more, or first asks or changes something."""
        slot, *others = missing
        if (self._dice.chance(0.1) and self._ask_aside()) or (self._dice.chance(0.1) and self._change()):
            self._ask(slot)
        given = [slot]
        if others and self._dice.chance(0.5):
            given.append(others[0])
        if len(given) > 1 and all(piece.fragment for piece in given):
            for piece in given:
                self._learn(piece, self._draw(piece))
            self._turn(self._customer.say(self._service.pieces, self._pieces(given)))
        else:
            self._learn(slot, self._draw(slot))
            first = self._customer.say(slot.answers, self._known)
            self._turn(first, *(self._unasked(piece) for piece in given[1:]))
        self._must_repeat = len(given) > 1
        self._settle_refusals(given)

    def _pieces(self, given: list[Slot]) -> Values:
        first, *others = (slot.fragment for slot in given)
        marks = ("," if text.startswith("{") else "" for text in others)
        return {**self._known, "pieces": first + "".join(f"{m} {text}" for m, text in zip(marks, others, strict=True))}

    def _unasked(self, slot: Slot) -> str:
        self._learn(slot, self._draw(slot))
        return self._customer.say(slot.sentences or slot.answers, self._known)

    def _ask_aside(self) -> bool:
        """The customer asks something else; False where there is nothing to ask."""
        asides = [aside for aside in self._service.asides if set(aside.needs) <= set(self._known)]
        if self._has_asked_aside or not asides:
            return False
        aside = self._dice.pick(asides)
        self._turn(self._customer.say(aside.questions, self._values()))
        self._reply = self._clerk.say(aside.answers, self._values())
        self._has_asked_aside = True
        return True

    def _change(self) -> bool:
        """The customer changes a piece given before; False where there is none that changes."""
        slots = [slot for slot in self._service.slots if slot.changes and slot.name in self._known]
        if not slots:
            return False
        slot = self._dice.pick(slots)
        old = self._known[slot.name]
        self._learn(slot, self._draw(slot, besides=(old,)))
        opening = self._customer.say(INTERRUPTING if self._missing() else NO, {})
        self._turn(opening, self._customer.say(slot.changes, {"old": old, "new": self._known[slot.name]}))
        self._reply, self._must_repeat = self._clerk.say(CHANGED, {}), True
        return True

    def _settle_refusals(self, given: list[Slot]) -> None:
        """The clerk offers something else for what the house does not have."""
        for slot in given:
            value = self._known[slot.name]
            if value not in slot.refused:
                continue
            offer = slot.refused[value]
            self._turn(self._clerk.say(slot.refusals, {"value": value}), self._clerk.say(REFUSED, {"offer": offer}))
            if self._dice.chance(0.7):
                chosen, bank = offer, ACCEPTED
            else:
                chosen, bank = self._draw(slot, besides=(value, offer)), DECLINED
            self._learn(slot, chosen)
            self._turn(self._customer.say(bank, {"offer": offer, "other": chosen}))
            self._must_repeat = True

    # The end

    def _confirm(self) -> int:
        """The clerk repeats everything until the customer says yes; the turn that did it last."""
        for may_change in (True, True, False):
            values = self._values()
            price = self._clerk.say(PRICE, values) if "price" in values else ""
            everything = self._clerk.say(REPEATED_LAST, values)
            self._turn(self._reply, everything, price, self._clerk.say(IS_IT_RIGHT, {}))
            self._reply = ""
            if not (may_change and self._dice.chance(0.2) and self._change()):
                break
        return len(self._turns) - 1

    def _close(self) -> None:
        confirmation = len(self._turns) - 1
        self._turn(self._customer.say(YES, {}))
        self._turn(self._clerk.say(self._service.done, self._values()))
        if self._dice.chance(0.25):
            self._ask_again(confirmation)
        if self._dice.chance(0.6):
            self._turn(self._customer.say(BYE, {}))
            if self._dice.chance(0.3):
                self._turn(self._clerk.say(LAST_BYE, {}))

    def _ask_again(self, confirmation: int) -> None:
        """The customer wants to hear a piece again that the clerk's last words have not said."""
        values = self._values()
        of_slots = [slot.recalls for slot in self._service.slots if slot.recalls[0]]
        pairs = [pair for pair in (*of_slots, *self._service.recalls) if not self._was_just_said(pair[1], values)]
        if not pairs:
            return
        questions, answers = self._dice.pick(pairs)
        name = min(fields(*answers))
        told = Mention(confirmation, name, values[name])
        self._turn(self._customer.say(SORRY, {}), self._customer.say(questions, values))
        self._recalled.append((told, Mention(len(self._turns), name, values[name])))
        self._turn(self._clerk.say(answers, values))

    def _was_just_said(self, answers: Bank, values: Values) -> bool:
        return any(values[name] in self._turns[-1] for name in fields(*answers))
