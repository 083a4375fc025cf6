"""Services at home and in town: a pizza, a repair, a thing that was lost."""

from dataclasses import replace

from dialogue import words
from dialogue.service import Aside, Service, Slot
from dialogue.slots import NAME, PRICE_AGAIN, day
from dialogue.speech import Values

PIZZAS = {"cheese": 0, "mushroom": 1, "onion": 1, "spinach": 1, "ham": 2, "salami": 2, "tuna": 3}
SIZES = {"small": 6, "medium": 8, "large": 10}
DRINKS = {"a water": 2, "a cola": 3, "a lemonade": 3, "an orange juice": 4, "an apple juice": 4}
MINUTES = dict(zip(words.STREETS, ("twenty", "thirty", "forty", "twenty", "fifty") * 2, strict=True))


def _pizza(known: Values) -> Values:
    found = {}
    if "address" in known:
        found["minutes"] = MINUTES[known["address"].split(" ", 1)[1]]
    if {"pizza", "size", "drink"} <= set(known):
        found["price"] = str(PIZZAS[known["pizza"]] + SIZES[known["size"]] + DRINKS.get(known["drink"], 0))
    return found


PIZZA = Service(
    "pizza",
    ("Good evening, Pizza Roma. What would you like?", "Pizza Roma, hello."),
    ("Good evening. I would like to order {what}.", "Hello, I'd like {what}.", "Hi, can I get {what}?"),
    (
        Slot(
            "pizza",
            tuple(PIZZAS),
            ("Which pizza would you like?", "Which pizza?"),
            ("I would like one with {pizza}.", "A {pizza} pizza, please.", "{pizza}."),
            fragment="a {pizza} pizza",
            changes=("I would prefer one with {new}.", "I'd rather have {new} than {old}.", "make that {new}, please."),
        ),
        Slot(
            "size",
            tuple(SIZES),
            ("Would you like a small, a medium or a large one?", "Small, medium or large?"),
            ("I would like a {size} one.", "A {size} one, please.", "{size}."),
            sentences=("A {size} one, please.", "Make it a {size} one."),
            changes=("I would prefer a {new} one.", "rather a {new} one than a {old} one.", "make it a {new} one."),
            recalls=(("which size was that?", "what size did I say?"), ("{size}.",)),
        ),
        Slot(
            "drink",
            (*DRINKS, "a beer"),
            ("What would you like to drink?", "Anything to drink?"),
            ("I would like {drink}.", "{drink}, please.", "{drink}."),
            sentences=("I'd like {drink} with it.", "And {drink} with it."),
            changes=("I would prefer {new}.", "I'd rather have {new} than {old}.", "make that {new}, please."),
            refused={"a beer": "a cola"},
            refusals=("I'm afraid we don't sell beer.", "Sorry, we have no beer."),
        ),
        Slot(
            "address",
            words.ADDRESSES,
            ("May I have your address, please?", "What is your address?", "Where to?"),
            ("My address is {address}.", "To {address}, please.", "{address}."),
            sentences=("My address is {address}.", "I live at {address}."),
        ),
    ),
    ("a {size} {pizza} pizza|a {pizza} pizza|a {size} pizza|a pizza", "and {drink}", ", delivered to {address}"),
    ("Thank you. You will have it in {minutes} minutes.", "Great, just give us {minutes} minutes."),
    _pizza,
    (
        Aside(("Could I pay by card?", "Can I pay by card?"), ("Yes, just tell the driver.",)),
        Aside(("Is it very hot?", "Is that spicy?"), ("No, not at all.",), ("pizza",)),
        Aside(("Until when are you open?", "How long are you open?"), ("Until eleven.",)),
    ),
    (PRICE_AGAIN,),
)

REPAIRS = {"phone": 30, "tablet": 50, "laptop": 70, "camera": 40, "watch": 20}
FAULTS = {
    "a broken screen": 50,
    "a weak battery": 20,
    "a loose button": 10,
    "a broken speaker": 30,
    "a cracked case": 15,
}


def _repair(known: Values) -> Values:
    found = {"ready": words.NEXT_DAY[known["day"]]} if "day" in known else {}
    if {"device", "fault"} <= set(known):
        found["price"] = str(REPAIRS[known["device"]] + FAULTS[known["fault"]])
    return found


REPAIR = Service(
    "repair",
    ("Good morning, the repair shop. How may I help you?", "Repair shop, hello."),
    ("Good morning. Would you be able to repair {what}?", "Hello, can you repair {what}?", "Hi, do you fix {what}?"),
    (
        Slot(
            "device",
            tuple(REPAIRS),
            ("What is it that needs a repair?",),
            ("My {device}.",),
            fragment="{device}",
        ),
        Slot(
            "fault",
            tuple(FAULTS),
            ("What exactly is the problem?", "What is wrong with it?", "What's the matter with it?"),
            ("It has {fault}.", "It's {fault}."),
        ),
        replace(
            day(
                ("On which day can you bring it in?", "When can you bring it?", "Which day can you come?"),
                closed="Sunday",
            ),
            sentences=("I could bring it in on {day}.", "I can bring it on {day}."),
            recalls=(("when may I bring it in?", "when can I bring it?"), ("On {day}.", "{day}.")),
        ),
        NAME,
    ),
    ("a {device} with {fault}|a {device}", ", to be brought in on {day}", ", in the name of {name}"),
    ("Thank you. You can have it back on {ready}.", "Fine, it will be ready on {ready}."),
    _repair,
    (
        Aside(("How much would that be?", "How much is that?"), ("{price} euros.",), ("device", "fault")),
        Aside(("How long does it take?", "Is it quick?"), ("It will be ready on the next day.", "Just one day.")),
        Aside(("Is there a guarantee?", "Do I get a guarantee?"), ("Yes, for one year.",)),
    ),
    (PRICE_AGAIN,),
    first=("device",),
)

# where: whether it has been handed in, and what to do
FINDS = {
    "on the bus": "Good news, it is here. Please come to desk two.",
    "on the tram": "Good news, it is here. Please come to desk three.",
    "on the train": "It is at the main station. Please ask there.",
    "at the station": "It is at the main station. Please ask there.",
    "in the park": "I'm afraid it has not been found. Please call again on {next_day}.",
    "in the library": "It is still at the library. Please ask there.",
    "at the market": "I'm afraid it has not been found. Please call again on {next_day}.",
    "at the swimming pool": "It is still at the swimming pool. Please ask there.",
}


def _lost(known: Values) -> Values:
    found = {"next_day": words.NEXT_DAY[known["day"]]} if "day" in known else {}
    if "place" in known:
        found["find"] = FINDS[known["place"]]
    return found


LOST_PROPERTY = Service(
    "lost property",
    ("Lost property office, good morning. How may I help you?", "Lost property office, hello."),
    ("Good morning. I have lost {what}.", "Hello, I've lost {what}.", "Hi, I'm looking for {what}."),
    (
        Slot(
            "item",
            ("umbrella", "bag", "wallet", "scarf", "jacket", "suitcase", "hat", "backpack", "coat", "notebook"),
            ("What have you lost?",),
            ("It's a {item}.",),
            fragment="a {item}",
        ),
        Slot(
            "colour",
            ("black", "brown", "red", "blue", "green", "grey", "white", "yellow"),
            ("May I ask what colour it is?", "What colour is it?", "Which colour?"),
            ("It is {colour}.", "It's {colour}.", "{colour}."),
        ),
        Slot(
            "place",
            tuple(FINDS),
            ("May I ask where you lost it?", "Where did you lose it?"),
            ("I lost it {place}.", "{place}, I think.", "{place}."),
            fragment="{place}",
            sentences=("I believe I left it {place}.", "I think I left it {place}."),
            changes=("I believe it was {new} after all.", "It was {new}, not {old}.", "I think it was {new}."),
            recalls=(("where did I say I lost it?", "what place did you put down?"), ("{place}.",)),
        ),
        Slot(
            "day",
            words.DAYS,
            ("On which day did you lose it?", "Which day was that?", "And when?"),
            ("It was on {day}.", "On {day}, I think.", "On {day}."),
            fragment="on {day}",
            sentences=("It was on {day}.", "That was on {day}."),
            changes=("it must have been on {new}.", "it was on {new}, not on {old}."),
            recalls=(("which day did you put down?", "what day did I say?"), ("{day}.",)),
        ),
    ),
    (
        "a {colour} {item}|a {item}",
        ", lost {place} on {day}|, lost {place}|, lost on {day}",
    ),
    ("{find}",),
    _lost,
    (
        Aside(("Until when are you open?", "How long are you open?"), ("Until five.",)),
        Aside(("For how long do you keep things?", "How long do you keep things?"), ("For three months.",)),
        Aside(("Do I have to pay anything?", "Does that cost anything?"), ("No, nothing at all.",)),
    ),
    first=("item",),
    pieces=("{pieces}, I believe.", "{pieces}, I think.", "{pieces}."),
)

ERRANDS = (PIZZA, REPAIR, LOST_PROPERTY)
