"""Small talk on people and animals: feelings, family, pets, work, a new home, the weather, invitations."""

from dialogue.topic import AND_YOU, Exchange, Topic
from dialogue.words import DAYS, FIRST_NAMES, STREETS, TOWNS, table

FEELING = Topic(
    "feeling",
    (
        table(
            "mood comment",
            "very well, thank you | I'm glad to hear that.",
            "fine, thanks | Good to hear.",
            "a bit tired, to be honest | You should go to bed earlier.",
            "not so well, I have a cold | Oh dear, get well soon.",
            "rather busy at the moment | Don't forget to take a break.",
            "a lot better than last week | I'm happy to hear that.",
            "wonderful, I have a week off | Then enjoy it.",
            "a little nervous, I have an exam | I'll keep my fingers crossed.",
        ),
    ),
    (Exchange(("How are you today?", "How are you?", "How is it going?"), ("{mood}.",), ("{comment}",)),),
    {},
    Exchange(("All the best, then.", "Take care."), ("Thank you, {me}. Goodbye.", "You too, {me}. Bye.")),
    AND_YOU,
)

FAMILY = Topic(
    "family",
    (
        table(
            "sibling name he his",
            *(f"sister | {name} | she | her" for name in ("Sarah", "Alice", "Nora", "Helen", "Lucy", "Jane")),
            *(f"brother | {name} | he | his" for name in ("Peter", "Simon", "Daniel", "Robert", "George", "Henry")),
        ),
        table(
            "job comment",
            "nurse | That is an important job.",
            "teacher | Then {he} must be very patient.",
            "pilot | How exciting!",
            "cook | I hope {he} cooks for you.",
            "farmer | That is hard work.",
            "dentist | I'm a little afraid of dentists.",
            "police officer | That must be dangerous at times.",
            "gardener | Then {he} is always outside.",
            "bus driver | Then {he} knows every street.",
            "lawyer | Then {he} must read a lot.",
            "musician | I would love to hear {his} music.",
            "painter | I would love to see {his} pictures.",
        ),
        table("town", *TOWNS),
        table("often", "once a week", "every Sunday", "once a month", "twice a year", "only at Christmas"),
    ),
    (
        Exchange(
            ("Do you have any brothers or sisters?", "Have you got brothers or sisters?"),
            ("Yes, I have a {sibling}. {his} name is {name}.", "Yes, one {sibling}, {name}."),
        ),
        Exchange(
            ("What does {name} do for a living?", "What does {name} do?"),
            ("{he} works as a {job}.", "{he} is a {job}."),
            ("{comment}",),
        ),
        Exchange(("And where does {he} live?", "Where does {he} live?"), ("{he} lives in {town}.", "In {town}.")),
        Exchange(("How often do you meet?", "Do you meet often?"), ("We meet {often}.", "{often}.")),
    ),
    {
        "name": Exchange(
            ("what is your {sibling} called again?", "what was your {sibling}'s name again?"),
            ("{his} name is {name}.", "{name}."),
        ),
        "town": Exchange(("in which town does {name} live?", "where does {name} live again?"), ("In {town}.",)),
        "job": Exchange(
            ("what did you say {name} does?", "what does {name} do again?"),
            ("{he} works as a {job}.", "{he} is a {job}."),
        ),
    },
    Exchange(
        ("Please give {name} my regards.", "Say hello to {name} from me."),
        ("I will, thank you. Goodbye, {me}.", "I will. Bye, {me}."),
    ),
)

PETS = Topic(
    "pets",
    (
        table(
            "animal likes",
            "dog | long walks",
            "cat | sleeping in the sun",
            "rabbit | fresh carrots",
            "parrot | old songs",
            "horse | green apples",
            "hamster | running at night",
            "goat | climbing on tables",
            "pony | sugar",
        ),
        table(
            "pet he his him",
            *(f"{name} | he | his | him" for name in ("Bruno", "Max", "Simba", "Rocky", "Milo", "Charlie", "Toby")),
            *(f"{name} | she | her | her" for name in ("Luna", "Bella", "Coco", "Daisy", "Nala", "Ruby", "Molly")),
        ),
        table(
            "age comment",
            "one | Then {he} is still a baby.",
            "two | Then {he} is still young.",
            "three | Then {he} is still young.",
            "five | That is a good age.",
            "six | That is a good age.",
            "ten | That is quite old.",
            "twelve | That is quite old.",
        ),
    ),
    (
        Exchange(
            ("Do you have any pets?", "Have you got a pet?"),
            ("Yes, I have a {animal}. {his} name is {pet}.", "Yes, a {animal} called {pet}."),
            ("{pet} is a lovely name.", "{pet}, what a nice name."),
        ),
        Exchange(
            ("May I ask how old {he} is?", "How old is {he}?"), ("{he} turned {age} in May.", "{age}."), ("{comment}",)
        ),
        Exchange(("What does {he} like best?", "What does {he} like?"), ("{he} loves {likes}.", "{likes}.")),
    ),
    {
        "pet": Exchange(("what is your {animal}'s name again?", "what was your {animal} called again?"), ("{pet}.",)),
        "age": Exchange(("how old did you say {pet} was?", "how old is {pet} again?"), ("{he} is {age}.", "{age}.")),
    },
    Exchange(
        ("Please give {pet} a hug from me.", "Give {pet} a hug."),
        ("I will, thank you. Goodbye, {me}.", "I will. Bye, {me}."),
    ),
)

WORK = Topic(
    "work",
    (
        table(
            "workplace task",
            "at the hospital | look after the children",
            "in a bank | help people with their money",
            "at a school | teach music",
            "in a bakery | bake the bread",
            "at the library | order the new books",
            "in a garage | repair old cars",
            "at the post office | sort the letters",
            "in a hotel | welcome the guests",
            "at the airport | check the suitcases",
            "in a bookshop | sell maps",
            "at the zoo | feed the bears",
            "in a factory | test the machines",
        ),
        table(
            "start early",
            "five | That is terribly early.",
            "six | That is very early.",
            "seven | That is rather early.",
            "eight | That is not too bad.",
            "nine | Then you can sleep long.",
            "ten | You are lucky.",
        ),
        table("since", "May", "March", "last summer", "last winter", "last week", "two years ago"),
    ),
    (
        Exchange(
            ("May I ask where you work now?", "Where do you work now?", "Where are you working these days?"),
            ("I work {workplace}.", "{workplace}."),
        ),
        Exchange(
            ("What exactly do you do there?", "What do you do there?"),
            ("I {task}.", "I mostly {task}."),
            ("That sounds interesting.", "Sounds good."),
        ),
        Exchange(
            ("At what time do you start in the morning?", "When do you start in the morning?"),
            ("I start at {start}.", "At {start}."),
            ("{early}",),
        ),
        Exchange(
            ("Do you like it there?", "Is it fun?"), ("Yes, the people are very nice.", "Yes, the team is great.")
        ),
    ),
    {
        "workplace": Exchange(
            ("where did you say you work?", "where do you work again?"), ("I work {workplace}.", "{workplace}.")
        ),
        "start": Exchange(
            ("when did you say you start?", "when do you start again?"), ("At {start}.", "At {start} in the morning.")
        ),
        "task": Exchange(
            ("what did you say you do there?", "what do you do there again?"), ("I {task}.", "I mostly {task}.")
        ),
    },
    Exchange(
        ("All the best for your work.", "Don't work too hard."),
        ("Thank you, I'll do my best. Goodbye, {me}.", "I'll do my best. Bye, {me}."),
    ),
    AND_YOU,
)

HOME = Topic(
    "home",
    (
        table("street", *STREETS),
        table(
            "rooms size",
            "one room | It is small, but it is enough for me.",
            "two rooms | It is just right for me.",
            "three rooms | There is space for guests.",
            "four rooms | There is a room for each of the children.",
            "five rooms | We almost get lost in it.",
        ),
        table(
            "floor comment",
            "ground | Then you have no stairs.",
            "first | That is not too high.",
            "second | That is not too high.",
            "fourth | The stairs will keep you fit.",
            "fifth | The stairs will keep you fit.",
            "top | You must have a great view.",
        ),
    ),
    (
        Exchange(
            ("Have you found a new flat yet?", "How is your search for a flat going?"),
            ("Yes, I have found one on {street}.", "Well, I've just moved to {street}."),
            ("I'm very happy for you.", "Great news!"),
        ),
        Exchange(("How many rooms does it have?", "How big is it?"), ("It has {rooms}. {size}", "{rooms}. {size}")),
        Exchange(
            ("Which floor is it on?", "What floor is it on?"),
            ("It is on the {floor} floor.", "On the {floor} floor."),
            ("{comment}",),
        ),
    ),
    {
        "street": Exchange(("what was the name of your street?", "which street was it again?"), ("{street}.",)),
        "floor": Exchange(("which floor did you say it was?", "which floor was it again?"), ("The {floor} floor.",)),
        "rooms": Exchange(("how many rooms did you say?", "how many rooms was it again?"), ("{rooms}.",)),
    },
    Exchange(
        ("I would like to visit you on {street} one day.", "I'll come and see you on {street}."),
        ("Please do. Goodbye, {me}.", "Please do. Bye, {me}."),
    ),
)

WEATHER = Topic(
    "weather",
    (
        table(
            "remark agreed plan later",
            "It is so hot today, isn't it? | Yes, I could not sleep at all. | go for a swim in the lake | cooler",
            "What a cold day, isn't it? | Yes, my hands are like ice. | stay at home with a pot of tea | warmer",
            "It just won't stop raining. | And of course I forgot my umbrella. | bake something and read | sunny",
            "What a lovely day, isn't it? | Yes, it feels like summer at last. | sit in the garden | wet and cold",
            "Look at all this snow! | I know, no bus is on time. | build a snowman with the children | warmer",
            "This wind is terrible. | It blew my hat into the river. | fly a kite on the hill | quite calm",
            "You can't see a thing in this fog. | Yes, I nearly missed my stop. | drive home very slowly | sunny",
            "Did you hear the thunder last night? | Yes, the cat hid under the bed. | repair the roof | dry again",
        ),
        table("day", *DAYS),
    ),
    (
        Exchange(("{remark}",), ("{agreed}",)),
        Exchange(
            ("What are you going to do later?", "So what will you do later?"), ("I think I'll {plan}.", "I'll {plan}.")
        ),
        Exchange(
            ("Until when will it stay like this?", "How long will it stay like this?"),
            ("Until {day}, they say. Then it will be {later}.", "Only until {day}. Then it will be {later}."),
        ),
    ),
    {
        "day": Exchange(("until which day will it stay like this?", "until when did you say?"), ("Until {day}.",)),
        "later": Exchange(
            ("what will it be like after {day}?", "how will it be after {day}?"), ("It will be {later}.", "{later}.")
        ),
        "plan": Exchange(
            ("what are you going to do later?", "what will you do later again?"),
            ("I think I'll {plan}.", "I'll {plan}."),
        ),
    },
    Exchange(
        ("Enjoy the day all the same.", "Enjoy the day."),
        ("Thank you, the same to you. Goodbye, {me}.", "You too. Bye, {me}."),
    ),
)

INVITATION = Topic(
    "invitation",
    (
        table(
            "occasion",
            "a birthday party",
            "a garden party",
            "a barbecue",
            "a dinner for some friends",
            "a games night",
            "a film night",
        ),
        table("day", *DAYS),
        table("time", "five", "six", "half past six", "seven", "half past seven", "eight"),
        table("thing", "a salad", "some fruit", "a cake", "some bread", "some cheese", "some music", "a few chairs"),
        table("friend", *FIRST_NAMES),
    ),
    (
        Exchange(
            (
                "I'm having {occasion} on {day}. Would you like to come?",
                "We have {occasion} on {day}. Do you want to come?",
            ),
            ("Thank you, I would love to.", "Yes, gladly.", "Sure, I'd love to."),
            turned=True,
        ),
        Exchange(("At what time does it start?", "When does it start?"), ("It starts at {time}.", "At {time}.")),
        Exchange(
            ("Is there anything I can bring?", "What can I bring?"), ("{thing} would be wonderful.", "{thing}, maybe.")
        ),
        Exchange(
            ("May I ask who else is coming?", "Who else is coming?"),
            ("{friend} and a few others.", "{friend}, I hope."),
        ),
    ),
    {
        "day": Exchange(("on which day is it?", "which day was it again?"), ("On {day}.", "{day}.")),
        "time": Exchange(("at what time does it start?", "when does it start again?"), ("At {time}.",)),
        "thing": Exchange(("what was I going to bring?", "what did you want me to bring?"), ("{thing}.",)),
    },
    Exchange(
        ("Then I will see you on {day} at {time}.", "See you on {day} at {time}, then."),
        ("Wonderful. Until {day}, {me}.", "Great. Bye, {me}."),
    ),
)

TOPICS_OF_LIFE = (FAMILY, PETS, WORK, HOME, WEATHER, INVITATION)
