"""Small talk on where people go, and with what to read: tonight, trips, books."""

from dialogue.topic import AND_YOU, Exchange, Topic
from dialogue.words import DAYS, FIRST_NAMES, RELATIVES, TOWNS, table

TONIGHT = Topic(
    "tonight",
    (
        table(
            "event comment",
            "the theatre | I hope it is a good play.",
            "the cinema | I hope it is a good film.",
            "the jazz club | I love jazz.",
            "the Greek restaurant | The food is very good there.",
            "the night market | Don't spend too much.",
            "the opera | You must dress up, then.",
            "the football match | I hope our team wins.",
            "the chess club | May the better one win.",
        ),
        table("friend", *FIRST_NAMES),
        table("time", "six", "half past six", "seven", "half past seven", "eight", "nine"),
        table(
            "spot",
            "at the fountain",
            "at the station",
            "in front of the town hall",
            "on the old bridge",
            "at the bus stop",
            "under the clock tower",
        ),
    ),
    (
        Exchange(
            ("Do you have any plans for tonight?", "What are you doing tonight?"),
            ("I am going to {event} with {friend}.", "I'm off to {event} with {friend}."),
            ("{comment}",),
        ),
        Exchange(("At what time does it start?", "When does it start?"), ("It starts at {time}.", "At {time}.")),
        Exchange(("Where are you going to meet?", "Where do you meet?"), ("We meet {spot}.", "{spot}.")),
        Exchange(
            ("Would it be possible for me to come along?", "Can I come too?"),
            ("Of course, there is one more ticket.", "Sure, we have one more ticket."),
        ),
    ),
    {
        "time": Exchange(("at what time does it start?", "when does it start again?"), ("At {time}.",)),
        "spot": Exchange(("where did you say you meet?", "where do you meet again?"), ("We meet {spot}.", "{spot}.")),
        "friend": Exchange(
            ("who is going with you?", "who are you going with again?"), ("I'm going with {friend}.", "{friend}.")
        ),
    },
    Exchange(
        ("I wish you and {friend} a nice evening.", "Have fun with {friend}."),
        ("Thank you very much. Goodbye, {me}.", "Thanks a lot. Bye, {me}."),
    ),
    AND_YOU,
)

TRIP = Topic(
    "trip",
    (
        table("town", *TOWNS),
        table("day", *DAYS),
        table(
            "weather item",
            "rainy | your umbrella",
            "snowy | your warm boots",
            "sunny | your sun hat",
            "windy | your thick jacket",
            "cold | your gloves",
            "hot | enough water",
        ),
        RELATIVES,
        table("transport", "by train", "by bus", "by car", "by plane", "by bike"),
    ),
    (
        Exchange(
            ("Are you going to travel soon?", "Are you going away soon?"),
            ("Yes, I am going to {town} on {day}.", "Yes, I'm off to {town} on {day}."),
            ("{town} is beautiful.", "I like {town}."),
        ),
        Exchange(
            ("What will the weather be like there?", "How is the weather there?"),
            ("They say it will be {weather}.", "{weather}, they say."),
            ("Then don't forget {item}.", "Then take {item}."),
        ),
        Exchange(
            ("How are you going to get there?", "How do you get there?"), ("I'm going {transport}.", "{transport}.")
        ),
        Exchange(
            ("Who are you going to visit there?", "Who are you visiting?"),
            ("My {person} lives there.", "My {person}."),
        ),
    ),
    {
        "town": Exchange(
            ("to which town are you going?", "where are you going again?"), ("I'm going to {town}.", "To {town}.")
        ),
        "day": Exchange(("on which day do you leave?", "when do you leave again?"), ("On {day}.",)),
        "transport": Exchange(
            ("how did you say you get there?", "how do you get there again?"),
            ("I'm going {transport}.", "{transport}."),
        ),
    },
    Exchange(
        ("I wish you a good journey to {town}.", "Have a good trip to {town}."),
        ("Thank you very much. Goodbye, {me}.", "Thanks a lot. Bye, {me}."),
    ),
)

BOOKS = Topic(
    "books",
    (
        table(
            "title about comment",
            "The Winter Garden | two sisters and a secret | I love secrets.",
            "The Silent River | a doctor on an island | That sounds lonely.",
            "Letters from Rome | a great love | How romantic.",
            "The Last Train | a murder on a train | That sounds exciting.",
            "The Clock Maker | a man who can stop time | How strange.",
            "A Dog in Space | a dog that flies to the moon | How funny.",
            "The King's Ship | a long journey at sea | That sounds exciting.",
            "The Empty Chair | a family that falls apart | How sad.",
            "My Year of Bread | a baker in a small village | That makes me hungry.",
            "The Red Door | a house full of ghosts | I would be too afraid.",
        ),
        table("friend", *FIRST_NAMES),
        table("day", *DAYS),
    ),
    (
        Exchange(
            ("Are you reading a good book at the moment?", "Are you reading anything good?"),
            ("Yes, it is called {title}.", "Yes, {title}."),
        ),
        Exchange(("What is it about?", "What's it about?"), ("It is about {about}.", "{about}."), ("{comment}",)),
        Exchange(
            ("Who did you get it from?", "Where did you get it?"),
            ("It was a present from {friend}.", "{friend} gave it to me."),
        ),
        Exchange(
            ("Would you lend it to me one day?", "Can I borrow it?"),
            ("Of course. You can have it on {day}.", "Sure, on {day}."),
        ),
    ),
    {
        "title": Exchange(
            ("what did you say the book was called?", "what was the book called again?"),
            ("It is called {title}.", "{title}."),
        ),
        "day": Exchange(("on which day can I have the book?", "when can I have the book again?"), ("On {day}.",)),
        "friend": Exchange(
            ("who did you say gave you the book?", "who gave you the book again?"), ("It was {friend}.", "{friend}.")
        ),
    },
    Exchange(
        ("I hope you enjoy the rest of {title}.", "Have fun with {title}."),
        ("Thank you, I will. Goodbye, {me}.", "Thanks. Bye, {me}."),
    ),
    AND_YOU,
)

TOPICS_OF_OUTINGS = (TONIGHT, TRIP, BOOKS)
