"""Services where the customer wants to go somewhere: by train, by taxi, to the cinema."""

from dialogue import words
from dialogue.service import Aside, Service, Slot
from dialogue.slots import NAME, PRICE_AGAIN, day, time
from dialogue.speech import Values

# town: fare in euros, platform, hours, where to change
TRAINS = {
    "Bern": (20, "one", "three", "Bonn"),
    "Bonn": (8, "two", "one", ""),
    "Bremen": (12, "three", "two", ""),
    "Dresden": (15, "four", "three", "Leipzig"),
    "Graz": (30, "five", "six", "Vienna"),
    "Hamburg": (15, "six", "two", "Bremen"),
    "Leipzig": (12, "seven", "two", ""),
    "Linz": (25, "eight", "five", "Salzburg"),
    "Munich": (20, "five", "four", ""),
    "Prague": (30, "four", "five", "Dresden"),
    "Salzburg": (25, "eight", "four", "Munich"),
    "Vienna": (30, "one", "six", "Linz"),
}


def _train(known: Values) -> Values:
    if "town" not in known:
        return {}
    fare, platform, hours, change = TRAINS[known["town"]]
    changing = f"yes, in {change}." if change else "no, it is a direct train."
    found = {"fare": str(fare), "platform": platform, "duration": hours, "changing": changing}
    if "tickets" in known:
        found["price"] = str(fare * words.number(known["tickets"]))
    return found


TICKETS = Slot(
    "tickets",
    words.counted("ticket", 6),
    ("How many tickets would you like?", "How many tickets do you need?", "How many tickets?"),
    ("I would like {tickets}.", "{tickets}, please.", "{tickets}."),
    fragment="{tickets}",
    changes=(
        "I'm afraid I need {new}.",
        "we need {new}, not {old}.",
        "make that {new}, please.",
        "better make it {new}.",
    ),
    recalls=(("how many tickets was that?", "how many was that again?"), ("{tickets}.",)),
)

TRAIN = Service(
    "train",
    ("Good morning. Where would you like to go?", "Hello, where are you going?"),
    ("Good morning. I would like {what}, please.", "Hello, I need {what}.", "Hi, {what}, please."),
    (
        Slot(
            "town",
            words.TOWNS,
            ("Where would you like to go?", "Where to?"),
            ("I would like to go to {town}.", "To {town}, please.", "To {town}."),
            fragment="to {town}",
            changes=("I would rather go to {new}.", "I need to go to {new}, not to {old}.", "to {new}, not to {old}."),
        ),
        day(("On which day would you like to travel?", "On which day?", "And when?")),
        time(words.DEPARTURES, ("At what time would you like to leave?", "At what time?", "What time?")),
        TICKETS,
    ),
    ("{tickets}|a train", "to {town}", "on {day}", "at {time}"),
    ("Here you are. Your train leaves from platform {platform}.", "There you go. It's platform {platform}."),
    _train,
    (
        Aside(("From which platform does it leave?", "Which platform is it?"), ("Platform {platform}.",), ("town",)),
        Aside(("Do I have to change trains?", "Do I have to change?"), ("{changing}",), ("town",)),
        Aside(("How long does the journey take?", "How long is that?"), ("About {duration} hours.",), ("town",)),
        Aside(("What does one ticket cost?", "How much is a ticket?"), ("{fare} euros.",), ("town",)),
    ),
    (PRICE_AGAIN,),
    first=("town",),
)

# film: when it starts, how many minutes it takes
FILMS = {
    "The Long Summer": ("seven", "ninety"),
    "Night Train": ("nine", "eighty"),
    "The Blue Lamp": ("eight", "ninety"),
    "Snow in April": ("six", "seventy"),
    "Two Brothers": ("half past seven", "eighty"),
    "The Lost Map": ("five", "seventy"),
    "A House by the Sea": ("half past eight", "ninety"),
    "The Last Letter": ("half past six", "eighty"),
}
ROWS = {"at the front": 7, "in the middle": 9, "at the back": 10}


def _cinema(known: Values) -> Values:
    found = dict(zip(("start", "minutes"), FILMS[known["film"]], strict=True)) if "film" in known else {}
    if {"row", "tickets"} <= set(known):
        found["price"] = str(ROWS[known["row"]] * words.number(known["tickets"]))
    return found


CINEMA = Service(
    "cinema",
    ("Good evening, this is the Star Cinema.", "Hi, Star Cinema here."),
    ("Good evening. I would like {what}, please.", "Hello, could I have {what}?", "Hi, {what}, please."),
    (
        Slot(
            "film",
            tuple(FILMS),
            ("Which film would you like to see?", "For which film?", "Which film?"),
            ("I would like to see {film}.", "For {film}, please.", "{film}."),
            fragment="for {film}",
            changes=("we would rather see {new}.", "we want {new}, not {old}.", "make that {new}, please."),
        ),
        day(("On which day would you like to come?", "For which day?", "Which day?")),
        TICKETS,
        Slot(
            "row",
            tuple(ROWS),
            ("Where would you like to sit?", "At the front, in the middle or at the back?"),
            ("We would like to sit {row}.", "{row}, please.", "{row}."),
            fragment="{row}",
            changes=("we would rather sit {new}.", "could it be {new}, not {old}?", "better {new}."),
            recalls=(("where are we sitting?", "where do we sit?"), ("{row}.",)),
        ),
    ),
    ("{tickets}|some tickets", "for {film} on {day}|for {film}|for {day}", "{row}"),
    ("Here you are. {film} starts at {start}.", "There you go. It starts at {start}. Enjoy {film}."),
    _cinema,
    (
        Aside(("At what time does it start?", "When does it start?"), ("At {start}.",), ("film",)),
        Aside(("How long is the film?", "How long is it?"), ("About {minutes} minutes.",), ("film",)),
        Aside(("Could we buy something to eat there?", "Do you sell popcorn?"), ("Yes, next to the entrance.",)),
    ),
    (PRICE_AGAIN,),
)

# where to: the price in euros, the minutes that the ride takes
RIDES = {
    "the airport": (40, "thirty"),
    "the main station": (15, "ten"),
    "the hospital": (20, "fifteen"),
    "the town hall": (10, "five"),
    "the harbour": (25, "twenty"),
    "the stadium": (30, "twenty"),
    "the opera": (12, "ten"),
    "the zoo": (18, "fifteen"),
}


def _taxi(known: Values) -> Values:
    if "goal" not in known:
        return {}
    price, minutes = RIDES[known["goal"]]
    return {"price": str(price), "minutes": minutes}


TAXI = Service(
    "taxi",
    ("City Taxi, good morning. How may I help you?", "City Taxi, hello."),
    ("Good morning. I would like to order {what}.", "Hello, I need {what}.", "Hi, can you send me {what}?"),
    (
        Slot(
            "start",
            words.ADDRESSES,
            ("Where may we pick you up?", "Where shall we pick you up?", "From where?"),
            ("Please pick me up at {start}.", "From {start}, please.", "{start}."),
            fragment="from {start}",
        ),
        Slot(
            "goal",
            tuple(RIDES),
            ("Where would you like to go?", "Where are you going?", "Where to?"),
            ("I would like to go to {goal}.", "To {goal}, please.", "To {goal}."),
            fragment="to {goal}",
            changes=("I need to go to {new}, not to {old}.", "make that {new}, please.", "to {new}, not to {old}."),
        ),
        time((*words.OFFICE, *words.EVENING[:5]), ("At what time do you need it?", "At what time?", "What time?")),
        NAME,
    ),
    ("a taxi", "from {start}", "to {goal}", "at {time}", ", in the name of {name}"),
    ("Thank you. The driver will ring at {start} at {time}.", "All set. The driver comes to {start} at {time}."),
    _taxi,
    (
        Aside(("How long will the ride take?", "How long does that take?"), ("About {minutes} minutes.",), ("goal",)),
        Aside(("What will that cost?", "How much is that?"), ("{price} euros.",), ("goal",)),
        Aside(("Is there room for three suitcases?", "Can I bring three suitcases?"), ("Yes, all our cars are big.",)),
        Aside(("May I pay by card?", "Can I pay by card?"), ("Yes, in all our cars.",)),
    ),
    (PRICE_AGAIN,),
)

RIDES_AND_FILMS = (TRAIN, CINEMA, TAXI)
