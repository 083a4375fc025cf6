"""Services where the customer books something: a table, a room, an appointment, a bicycle, a course, a taxi."""

from dialogue import words
from dialogue.service import Aside, Service, Slot
from dialogue.slots import NAME, PRICE_AGAIN, day, priced, time
from dialogue.speech import Values

RESTAURANT = Service(
    "restaurant",
    ("Good evening, the Golden Spoon. How may I help you?", "Hello, this is the Golden Spoon."),
    ("Good evening. I would like to book {what}, please.", "Hello, I'd like {what}.", "Hi, do you have {what}?"),
    (
        Slot(
            "people",
            words.NUMBERS[1:],
            ("For how many people, please?", "How many of you will there be?", "How many people?"),
            ("There will be {people} of us.", "For {people}, please.", "{people} people."),
            fragment="for {people}",
            changes=(
                "I'm afraid there will be {new} of us.",
                "there will be {new} of us, not {old}.",
                "make that {new} people, please.",
                "make it {new}, not {old}.",
            ),
            recalls=(("how many people was that for?", "for how many did you put us down?"), ("For {people}.",)),
        ),
        day(("For which day, please?", "On which day?", "And which day?"), closed="Monday"),
        time(words.EVENING, ("At what time would you like to eat?", "At what time?", "What time?")),
        NAME,
    ),
    ("a table", "for {people}", "on {day}", "at {time}", ", in the name of {name}"),
    ("Thank you. We look forward to seeing you on {day}.", "Your table is booked. See you on {day}."),
    lambda known: {},
    (
        Aside(("Is there a car park?", "Can I park there?"), ("Yes, right behind the house.",)),
        Aside(
            ("Do you have any dishes without meat?", "Do you have food without meat?"), ("Yes, a whole page of them.",)
        ),
        Aside(("Would it be possible to sit outside?", "Can we sit outside?"), ("Yes, if it doesn't rain.",)),
        Aside(("May we bring our dog?", "Are dogs allowed?"), ("Yes, as long as it is quiet.",)),
    ),
)

ROOM_RATES = {"a single room": 50, "a double room": 80, "a family room": 100}


def _hotel(known: Values) -> Values:
    nights = words.number(known["nights"]) if "nights" in known else 0
    found = priced(ROOM_RATES, "room", known, times=nights)
    return found if nights else {name: value for name, value in found.items() if name == "rate"}


HOTEL = Service(
    "hotel",
    ("Good morning, Lake Hotel. What can I do for you?", "Lake Hotel, hello."),
    ("Good morning. I would like to book {what}.", "Hello, I need {what}.", "Hi, have you got {what}?"),
    (
        Slot(
            "room",
            tuple(ROOM_RATES),
            ("What kind of room would you like?", "A single, a double or a family room?"),
            ("I would like {room}.", "{room}, please.", "{room}."),
            fragment="{room}",
            changes=("we would prefer {new}.", "could we have {new} instead?", "make that {new}, please."),
            recalls=(("which room did I book?", "what room was that?"), ("{room}.",)),
        ),
        Slot(
            "nights",
            words.counted("night", 7),
            ("How long would you like to stay?", "For how many nights?", "And for how long?"),
            ("I would like to stay for {nights}.", "For {nights}, please.", "{nights}."),
            fragment="for {nights}",
            changes=("we would like to stay for {new}.", "could we make it {new}?", "make that {new}, not {old}."),
            recalls=(("how many nights was that?", "how long did I say?"), ("{nights}.",)),
        ),
        day(("From which day will you need it?", "From which day?", "From when?"), "from"),
        NAME,
    ),
    ("{room}|a room", "for {nights}", "from {day}", ", in the name of {name}"),
    ("Thank you. Your room will be ready on {day} at three.", "It's booked. See you on {day}."),
    _hotel,
    (
        Aside(("Is breakfast included?", "Do we get breakfast?"), ("Yes, from seven to ten.",)),
        Aside(("What does {room} cost?", "How much is {room}?"), ("It is {rate} euros a night.",), ("room",)),
        Aside(("Is the lake within walking distance?", "Is it far to the lake?"), ("It is just across the road.",)),
        Aside(("Could I bring my bicycle?", "Can I bring my bike?"), ("Yes, we have a room for bicycles.",)),
    ),
    (PRICE_AGAIN,),
)

ADVICE = {
    "a sore throat": "drink plenty of tea",
    "a bad cough": "stay out of the cold",
    "a headache": "try to sleep a lot",
    "a fever": "stay in bed",
    "back pain": "don't lift anything heavy",
    "a swollen knee": "keep your leg up",
    "an earache": "keep your ears warm",
    "a rash": "don't use any soap",
}


def _doctor(known: Values) -> Values:
    return {"advice": ADVICE[known["complaint"]]} if "complaint" in known else {}


DOCTOR = Service(
    "doctor",
    ("Good morning, this is the doctor's office. How can I help?", "Doctor's office, good morning."),
    ("Good morning. I would like {what}, please.", "Hello, I need {what}.", "Hi, can I get {what}?"),
    (
        Slot(
            "complaint",
            tuple(ADVICE),
            ("May I ask what the problem is?", "What is the problem?", "What's wrong?"),
            ("I have {complaint}.", "It's {complaint}."),
            sentences=("I have {complaint}.", "I've got {complaint}."),
        ),
        day(("On which day could you come?", "Which day suits you?", "Which day?"), closed="Wednesday"),
        time(words.OFFICE, ("What time would suit you?", "At what time?", "What time?")),
        NAME,
    ),
    ("an appointment", "on {day}", "at {time}", "for {complaint}", ", in the name of {name}"),
    ("Until then, {advice}. The doctor will see you on {day}.", "See you on {day}. Until then, {advice}."),
    _doctor,
    (
        Aside(("Do I have to bring anything?", "What should I bring?"), ("Just your insurance card.",)),
        Aside(("Where exactly are you?", "Where are you?"), ("On Market Street, above the bank.",)),
        Aside(("What can I do in the meantime?", "What can I do until then?"), ("Well, {advice}.",), ("complaint",)),
    ),
)

CUTS = {"a haircut": 25, "a wash and cut": 35, "a new colour": 60, "a shave": 15, "a perm": 70}

HAIRDRESSER = Service(
    "hairdresser",
    ("Good morning, Clara's hair salon. How may I help you?", "Clara's hair salon, hello."),
    ("Good morning. I would like to come for {what}.", "Hello, I need {what}.", "Hi, could you fit me in for {what}?"),
    (
        Slot(
            "cut",
            tuple(CUTS),
            ("What would you like to have done?", "What will it be?"),
            ("I would like {cut}.", "{cut}, please.", "{cut}."),
            fragment="{cut}",
            changes=("I would prefer {new}.", "I'd rather have {new} than {old}.", "make that {new}, please."),
        ),
        day(("Which day would suit you?", "On which day?", "When?"), closed="Monday"),
        time(words.OFFICE, ("What time would suit you?", "At what time?", "What time?")),
        NAME,
    ),
    ("{cut}|an appointment", "on {day}", "at {time}", ", in the name of {name}"),
    ("Thank you. We will see you on {day} at {time}.", "You're booked in. See you on {day}."),
    lambda known: priced(CUTS, "cut", known),
    (
        Aside(("What does {cut} cost?", "How much is {cut}?"), ("{rate} euros.",), ("cut",)),
        Aside(("Could I pay by card?", "Can I pay by card?"), ("I'm afraid we only take cash.", "Sorry, only cash.")),
        Aside(("Could my son come along?", "Can I bring my son?"), ("Of course, we have toys for him.",)),
    ),
    (PRICE_AGAIN,),
)

BIKES = {"a city bike": 8, "a mountain bike": 12, "an electric bike": 20, "a child's bike": 5}


def _bikes(known: Values) -> Values:
    days = words.number(known["days"]) if "days" in known else 0
    found = priced(BIKES, "bike", known, times=days)
    return found if days else {name: value for name, value in found.items() if name == "rate"}


BIKE_RENTAL = Service(
    "bike rental",
    ("Good morning, Castle Bikes. What can I do for you?", "Castle Bikes, hello."),
    ("Good morning. I would like to rent {what}.", "Hello, I'd like to rent {what}.", "Hi, can I rent {what}?"),
    (
        Slot(
            "bike",
            tuple(BIKES),
            ("What kind of bike would you like?", "Which kind of bike?"),
            ("I would like {bike}.", "{bike}, please.", "{bike}."),
            fragment="{bike}",
            changes=(
                "I would prefer {new} after all.",
                "I'd rather take {new} than {old}.",
                "make that {new}, please.",
            ),
        ),
        Slot(
            "days",
            words.counted("day", 5),
            ("How long would you like to keep it?", "For how many days?", "And for how long?"),
            ("I need it for {days}.", "For {days}, please.", "{days}."),
            fragment="for {days}",
            changes=("I would like to keep it for {new}.", "could we make it {new}?", "make that {new}, not {old}."),
            recalls=(("how many days was that?", "how long did I say?"), ("{days}.",)),
        ),
        day(("From which day do you need it?", "From which day?", "Starting when?"), "from"),
        NAME,
    ),
    ("{bike}|a bike", "for {days}", "from {day}", ", in the name of {name}"),
    ("Thank you. You can fetch it on {day} from eight.", "Done. It's here for you on {day}."),
    _bikes,
    (
        Aside(("What does {bike} cost?", "How much is {bike}?"), ("{rate} euros a day.",), ("bike",)),
        Aside(("Could you lend me a helmet as well?", "Do I get a helmet?"), ("Yes, the helmet is free.",)),
        Aside(("What if I have a flat tyre?", "And if I get a flat tyre?"), ("Just call us, we will come and help.",)),
    ),
    (PRICE_AGAIN,),
)

COURSES = {
    "Spanish": (90, "two"),
    "cooking": (120, "five"),
    "yoga": (60, "eight"),
    "painting": (80, "three"),
    "guitar": (100, "six"),
    "photography": (110, "four"),
}


def _course(known: Values) -> Values:
    if "course" not in known:
        return {}
    price, room = COURSES[known["course"]]
    return {"price": str(price), "room": room}


EVENING_CLASS = Service(
    "evening class",
    ("Good afternoon, the evening school. How may I help you?", "Evening school, hello."),
    (
        "Good afternoon. I would like to sign up for {what}.",
        "Hello, I'd like to join {what}.",
        "Hi, is there still a place in {what}?",
    ),
    (
        Slot(
            "course",
            tuple(COURSES),
            ("Which course are you interested in?", "Which course?"),
            ("I am interested in {course}.", "{course}, please.", "{course}."),
            fragment="{course}",
            changes=("I would prefer {new} to {old}.", "I'd rather take {new} than {old}.", "make that {new}, please."),
        ),
        Slot(
            "level",
            ("beginners", "advanced learners", "teenagers", "retired people"),
            ("For which group, please?", "Which group are you looking for?", "Which group?"),
            ("The one for {level}, please.", "For {level}, please.", "For {level}."),
            fragment="for {level}",
            changes=("I would rather take the one for {new}.", "the one for {new} would be better."),
            recalls=(("which group was that?", "what group am I in?"), ("The one for {level}.",)),
        ),
        day(("Which evening would suit you?", "On which evening?", "Which evening?"), closed="Sunday"),
        NAME,
    ),
    ("the {course} course|a course", "for {level}", "on {day}", ", in the name of {name}"),
    ("Thank you. Please come to room {room} on {day}.", "You're in. It's in room {room}, see you on {day}."),
    _course,
    (
        Aside(("When do the courses start?", "What time do you start?"), ("Always at seven.", "At seven.")),
        Aside(("In which room will it be?", "Which room is it in?"), ("In room {room}.",), ("course",)),
        Aside(("How many people are in a group?", "Are the groups big?"), ("There are never more than ten people.",)),
    ),
    (PRICE_AGAIN,),
)

BOOKINGS = (RESTAURANT, HOTEL, DOCTOR, HAIRDRESSER, BIKE_RENTAL, EVENING_CLASS)
