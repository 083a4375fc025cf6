"""Small talk on free time at home and in town: the weekend, hobbies, sports, food."""

from dialogue.topic import AND_YOU, Exchange, Topic
from dialogue.words import DAYS, FIRST_NAMES, RELATIVES, table

WEEKEND = Topic(
    "weekend",
    (
        table(
            "did comment more result",
            "went fishing | That sounds peaceful. | Did you catch anything? | Only one small fish, and we let it go.",
            "went hiking | That sounds healthy. | How far did you walk? | Twelve miles. My legs still hurt.",
            "went swimming | How nice. | Was the water warm? | Not at all. Five minutes were enough.",
            "painted the kitchen | That is hard work. | Which colour did you take? | Yellow. It looks bigger now.",
            "baked bread | I can almost smell it. | Did it turn out well? | Very well. It was gone in an hour.",
            "went to a concert | Lucky you. | Was the music good? | Wonderful, but far too loud.",
            "visited the castle | How interesting. | What did you like best? | The view from the tower.",
            "played tennis | That sounds like fun. | Who won? | I lost, as always.",
            "watched the football match | I missed that. | How did it end? | Two to one for our team.",
            "planted some trees | That is a good idea. | What kind of trees? | Three apple trees and a cherry tree.",
            "went camping | How brave of you. | Did it rain? | Only on the first night, and the tent stayed dry.",
            "cooked a big dinner | I wish I had been there. | What did you make? | Fish soup and an apple cake.",
        ),
        RELATIVES,
    ),
    (
        Exchange(
            ("How was your weekend?", "How was the weekend?"),
            ("I {did} with my {person}. It was very nice.", "I {did} with my {person}, it was great."),
            ("{comment}",),
        ),
        Exchange(("{more}",), ("{result}",)),
        Exchange(
            ("Did your {person} enjoy it too?", "Did your {person} like it?"),
            ("Yes, {he} wants to do it again soon.", "Yes, {he} loved it."),
        ),
    ),
    {
        "person": Exchange(
            ("who did you say was with you?", "who was with you again?"), ("I was with my {person}.", "My {person}.")
        ),
        "did": Exchange(
            ("what did you say you did at the weekend?", "what did you do at the weekend again?"),
            ("I {did}.", "We {did}."),
        ),
    },
    Exchange(
        ("Please give your {person} my regards.", "Say hello to your {person} from me."),
        ("I will, thank you. Goodbye, {me}.", "I will. Bye, {me}."),
    ),
    AND_YOU,
)

HOBBIES = Topic(
    "hobbies",
    (
        table(
            "hobby more result",
            "play the piano | Who taught you? | My grandmother. She was very strict.",
            "paint | What do you paint? | Mostly the sea and old boats.",
            "collect stamps | How many do you have? | More than two thousand.",
            "dance | Which dances do you like? | Tango above all, but I'm still a beginner.",
            "sing in a choir | What do you sing? | Old songs from all over the world.",
            "play chess | Do you often win? | Against my neighbour yes, against my son never.",
            "build model trains | Where do you keep them? | In the cellar. There is no more room upstairs.",
            "grow vegetables | What grows best? | Beans. We eat them every day.",
            "play the guitar | Do you play in a band? | Yes, with two old friends.",
            "bake cakes | Which one is your best? | Chocolate with cherries.",
            "photograph birds | Isn't that difficult? | Yes, they never sit still.",
            "learn Italian | Is it hard? | Not at all, but I mix it up with Spanish.",
        ),
        table("day", *DAYS),
        table(
            "years comment",
            "two years | Then you are still new to it.",
            "three years | Then you are still new to it.",
            "five years | That is quite some time.",
            "six years | That is quite some time.",
            "ten years | That is a long time.",
            "twenty years | That is a long time.",
        ),
    ),
    (
        Exchange(
            ("What do you like to do in your free time?", "What do you do in your free time?"),
            ("I {hobby}, usually on {day} evenings.", "I {hobby} on {day} evenings."),
            ("How interesting.", "That sounds nice.", "Cool."),
        ),
        Exchange(("{more}",), ("{result}",)),
        Exchange(
            ("For how long have you been doing that?", "How long have you been doing that?"),
            ("I have been doing it for {years}.", "For {years} now."),
            ("{comment}",),
        ),
    ),
    {
        "day": Exchange(
            ("on which evening do you do that?", "which evening was it again?"), ("On {day} evenings.", "{day}.")
        ),
        "years": Exchange(("for how long did you say?", "how many years was it again?"), ("For {years}.", "{years}.")),
        "hobby": Exchange(("what did you say your hobby was?", "what was your hobby again?"), ("I {hobby}.",)),
    },
    Exchange(
        ("I wish you a nice {day} evening.", "Have fun on {day}."),
        ("Thank you very much. Goodbye, {me}.", "Thanks. Bye, {me}."),
    ),
    AND_YOU,
)

SPORTS = Topic(
    "sports",
    (
        table(
            "sport place",
            "running | in the park",
            "swimming | at the pool near the station",
            "cycling | along the river",
            "climbing | in the old factory",
            "rowing | on the lake",
            "skating | behind the school",
            "dancing | in the town hall",
            "riding | at a farm near the forest",
        ),
        table("friend", *FIRST_NAMES),
        table(
            "often comment",
            "once a week | That is a good start.",
            "twice a week | That is good for you.",
            "three times a week | I should do that too.",
            "every morning | I could never do that.",
            "every day | I could never do that.",
        ),
    ),
    (
        Exchange(
            ("Do you do any sports at the moment?", "Do you do any sports?"),
            ("Yes, I go {sport} with {friend}.", "I go {sport} with {friend}."),
        ),
        Exchange(("Where do you go for that?", "Where do you do that?"), ("Usually {place}.", "{place}.")),
        Exchange(("How often do you go?", "How often?"), ("We go {often}.", "{often}."), ("{comment}",)),
        Exchange(
            ("Would it be possible for me to join you?", "Can I come with you some day?"),
            ("Of course, {friend} will be happy too.", "Sure, {friend} will be happy too."),
        ),
    ),
    {
        "friend": Exchange(
            ("who did you say goes with you?", "who goes with you again?"), ("I go with {friend}.", "{friend}.")
        ),
        "often": Exchange(("how often did you say you go?", "how often do you go again?"), ("{often}.",)),
        "place": Exchange(
            ("where did you say you do that?", "where do you do that again?"), ("Usually {place}.", "{place}.")
        ),
    },
    Exchange(
        ("Please give {friend} my regards.", "Say hello to {friend}."),
        ("I will, thank you. Goodbye, {me}.", "I will. Bye, {me}."),
    ),
    AND_YOU,
)

FOOD = Topic(
    "food",
    (
        table(
            "dish needs",
            "tomato soup | tomatoes, onions and a little cream",
            "apple pie | apples, butter and cinnamon",
            "fried rice | rice, peas and two eggs",
            "potato salad | potatoes, mustard and an onion",
            "vegetable curry | carrots, beans and coconut milk",
            "lentil soup | lentils, carrots and garlic",
            "noodle soup | noodles, chicken and ginger",
            "cheese cake | cheese, eggs and lemon",
            "fish stew | fish, tomatoes and white beans",
            "mushroom pie | mushrooms, cream and cheese",
        ),
        RELATIVES,
        table(
            "minutes comment",
            "ten | That is very quick.",
            "fifteen | That is very quick.",
            "thirty | That is not too long.",
            "forty | That is not too long.",
            "sixty | I don't have that much time.",
            "ninety | I don't have that much time.",
        ),
    ),
    (
        Exchange(
            ("What do you like to cook?", "What is your favourite dish?"),
            ("I love {dish}. I have the recipe from my {person}.", "{dish}, just as my {person} makes it."),
            ("That makes me hungry.", "Sounds delicious.", "Yummy."),
        ),
        Exchange(
            ("What does one need for {dish}?", "What do I need for {dish}?"), ("You need {needs}.", "Just {needs}.")
        ),
        Exchange(
            ("How many minutes does it take?", "How long does it take?"),
            ("It takes about {minutes} minutes.", "About {minutes} minutes."),
            ("{comment}",),
        ),
    ),
    {
        "person": Exchange(
            ("who did you say gave you the recipe?", "who gave you the recipe again?"),
            ("I have it from my {person}.", "My {person}."),
        ),
        "minutes": Exchange(
            ("how many minutes did you say?", "how long did you say it takes?"), ("About {minutes} minutes.",)
        ),
        "needs": Exchange(("what did you say I need?", "what do I need again?"), ("You need {needs}.", "{needs}.")),
    },
    Exchange(
        ("I will try your {dish} soon.", "I'm going to make {dish} tonight."),
        ("I hope you will like it. Goodbye, {me}.", "Enjoy it. Bye, {me}."),
    ),
    AND_YOU,
)

TOPICS_OF_LEISURE = (WEEKEND, HOBBIES, SPORTS, FOOD)
