"""Questions, commands, times, places and clauses within clauses, worked out by hand in three languages."""

from dataclasses import replace

import pytest
from grammar import chinese, english, german
from grammar.tree import (
    Clause,
    Clock,
    Command,
    Coordination,
    Date,
    Interrogative,
    Month,
    Near,
    Question,
    Sentence,
    Statement,
    Subordination,
    Weekday,
    Year,
)
from trees import (
    ANNA,
    BOOK_I_BOUGHT,
    BUS_WE_AWAIT,
    CALLS,
    FRIENDS_HELPED,
    GOES,
    HE,
    MAN_WHO_CALLED,
    PETER,
    RAINS,
    SHE,
    SLEEPS,
    THEY,
    WE,
    YOU,
    I,
    adverb,
    at,
    calendar,
    is_,
    moment,
    number,
    of,
    the,
    to,
    verb,
)

CASES: list[tuple[Sentence, str, str, str]] = [
    # questions
    (
        Question(replace(CALLS, tense="past", subject=Interrogative("who")), "subject"),
        "Who called the doctor?",
        "Wer hat den Arzt angerufen?",
        "谁给医生打了电话？",
    ),
    (
        Question(Clause(the("man"), verb("thank"), "past", object=Interrogative("who")), "object"),
        "Who did the man thank?",
        "Wem hat der Mann gedankt?",
        "男人感谢了谁？",
    ),
    (
        Question(Clause(YOU, verb("wait", "for"), object=Interrogative("who")), "object"),
        "Who do you wait for?",
        "Auf wen wartest du?",
        "你等谁？",
    ),
    (
        Question(Clause(THEY, verb("talk", "about"), object=Interrogative("what")), "object"),
        "What do they talk about?",
        "Worüber sprechen sie?",
        "他们谈论什么？",
    ),
    (
        Question(
            Clause(YOU, verb("read"), "past", object=replace(the("book", plural=True), determiner="how many")), "object"
        ),
        "How many books did you read?",
        "Wie viele Bücher hast du gelesen?",
        "你读了多少本书？",
    ),
    (
        Question(Clause(SHE, verb("wear"), object=replace(the("coat"), determiner="which")), "object"),
        "Which coat does she wear?",
        "Welchen Mantel trägt sie?",
        "她穿着哪件大衣？",
    ),
    (
        Question(Clause(YOU, verb("live"), goal=to("Berlin")), "where"),
        "Where do you live?",
        "Wo wohnst du?",
        "你住在哪里？",
    ),
    (
        Question(replace(GOES, tense="past"), "where"),
        "Where did we go?",
        "Wohin sind wir gegangen?",
        "我们去了哪里？",
    ),
    (
        Question(Clause(the("train"), verb("arrive"), "future"), "when"),
        "When will the train arrive?",
        "Wann wird der Zug ankommen?",
        "火车什么时候会到达？",
    ),
    (
        Question(Clause(SHE, verb("laugh"), "past"), "why"),
        "Why did she laugh?",
        "Warum hat sie gelacht?",
        "她为什么笑了？",
    ),
    # commands
    (
        Command(Clause(YOU, verb("close"), object=the("door"))),
        "Please close the door.",
        "Mach bitte die Tür zu.",
        "请关上门。",
    ),
    (
        Command(Clause(YOU, verb("help"), object=SHE, negated=True)),
        "Please do not help her.",
        "Hilf ihr bitte nicht.",
        "请不要帮助她。",
    ),
    # time and place
    (
        Statement(
            Clause(
                ANNA,
                verb("fly"),
                "future",
                goal=to("Vienna"),
                times=(Weekday(calendar("Friday")), Clock(number(3), "half past")),
                fronted=True,
            )
        ),
        "On Friday at half past three Anna will fly to Vienna.",
        "Am Freitag um halb vier wird Anna nach Wien fliegen.",
        "星期五三点半安娜会飞往维也纳。",
    ),
    (
        Statement(Clause(HE, verb("work"), "past", place=at("hospital"), times=(Year(2010),))),
        "He worked in the hospital in 2010.",
        "Er hat im Jahr 2010 im Krankenhaus gearbeitet.",
        "他2010年在医院里工作。",
    ),
    (
        Statement(Clause(THEY, verb("dance"), "past", place=at("beach"), times=(Date(number(3), calendar("May")),))),
        "They danced at the beach on the third of May.",
        "Sie haben am dritten Mai am Strand getanzt.",
        "他们五月三日在海滩上跳了舞。",
    ),
    (
        Statement(Clause(WE, verb("travel"), "future", goal=to("Japan"), times=(Month(calendar("March")),))),
        "We will travel to Japan in March.",
        "Wir werden im März nach Japan reisen.",
        "我们三月会去日本旅行。",
    ),
    (
        Statement(Clause(HE, verb("get up"), times=(moment("every day"), Clock(number(2), "a quarter to")))),
        "He gets up every day at a quarter to two.",
        "Er steht jeden Tag um Viertel vor zwei auf.",
        "他每天差一刻两点起床。",
    ),
    (
        Statement(Clause(SHE, verb("put"), "past", object=the("key"), goal=Near("on", the("table")))),
        "She put the key on the table.",
        "Sie hat den Schlüssel auf den Tisch gelegt.",
        "她把钥匙放在了桌子上。",
    ),
    (
        Statement(Clause(the("cat", "white"), verb("sit"), goal=Near("under", the("table")))),
        "The white cat sits under the table.",
        "Die weiße Katze sitzt unter dem Tisch.",
        "白色的猫坐在桌子下面。",
    ),
    (
        Statement(Clause(I, verb("play football"), "progressive", companion=of(I, "brother"), place=at("garden"))),
        "I am playing football with my brother in the garden.",
        "Ich spiele gerade mit meinem Bruder im Garten Fußball.",
        "我正在和我的哥哥一起在花园里踢足球。",
    ),
    # clauses in clauses
    (
        Statement(replace(GOES, purpose=replace(CALLS, subject=WE))),
        "We go to the station to call the doctor.",
        "Wir gehen zum Bahnhof, um den Arzt anzurufen.",
        "我们去火车站给医生打电话。",
    ),
    (
        Statement(Clause(MAN_WHO_CALLED, verb("live"), goal=to("London"))),
        "The man who called Anna lives in London.",
        "Der Mann, der Anna angerufen hat, wohnt in London.",
        "给安娜打了电话的男人住在伦敦。",
    ),
    (
        Statement(Clause(PETER, verb("find"), "past", object=BOOK_I_BOUGHT)),
        "Peter found the book that I bought yesterday.",
        "Peter hat das Buch gefunden, das ich gestern gekauft habe.",
        "彼得找到了我昨天买的书。",
    ),
    (
        Statement(is_(BUS_WE_AWAIT, "red")),
        "The bus that we wait for is red.",
        "Der Bus, auf den wir warten, ist rot.",
        "我们等的公共汽车是红色的。",
    ),
    (
        Statement(Clause(FRIENDS_HELPED, verb("come back"), "past")),
        "The friends who she helped came back.",
        "Die Freunde, denen sie geholfen hat, sind zurückgekommen.",
        "她帮助的朋友们回来了。",
    ),
    (
        Statement(Clause(SHE, verb("know", frame="that"), complement=replace(CALLS, tense="past"))),
        "She knows that he called the doctor.",
        "Sie weiß, dass er den Arzt angerufen hat.",
        "她知道他给医生打了电话。",
    ),
    (
        Statement(Clause(I, verb("wonder"), complement=replace(SLEEPS, tense="progressive"))),
        "I wonder whether the child is sleeping.",
        "Ich frage mich, ob das Kind gerade schläft.",
        "我想知道孩子是否正在睡觉。",
    ),
    (
        Subordination("when", Statement(replace(CALLS, tense="past")), SLEEPS, True),
        "When the child slept, he called the doctor.",
        "Als das Kind geschlafen hat, hat er den Arzt angerufen.",
        "孩子睡觉的时候，他给医生打了电话。",
    ),
    (
        Subordination("when", Statement(replace(CALLS, frequency=adverb("always"))), RAINS, False),
        "He always calls the doctor when it rains.",
        "Er ruft immer den Arzt an, wenn es regnet.",
        "下雨的时候，他总是给医生打电话。",
    ),
    (
        Subordination("if", Statement(replace(GOES, tense="future")), RAINS, True),
        "If it rains, we will go to the station.",
        "Wenn es regnet, werden wir zum Bahnhof gehen.",
        "如果下雨，我们就会去火车站。",
    ),
    (
        Subordination("although", Statement(is_(HE, "rich", degree="very")), is_(HE, "sad"), False),
        "He is very rich although he is sad.",
        "Er ist sehr reich, obwohl er traurig ist.",
        "虽然他很悲伤，但是他非常富有。",
    ),
    (
        Coordination("so", Statement(replace(RAINS, tense="past")), Statement(replace(CALLS, tense="past"))),
        "It rained, so he called the doctor.",
        "Es hat geregnet, deshalb hat er den Arzt angerufen.",
        "下了雨，所以他给医生打了电话。",
    ),
    (
        Coordination("but", Statement(SLEEPS), Statement(Clause(WE, verb("run"), "past"))),
        "The child slept, but we ran.",
        "Das Kind hat geschlafen, aber wir sind gelaufen.",
        "孩子睡觉了，但是我们跑了步。",
    ),
]


@pytest.mark.parametrize(("tree", "en", "de", "zh"), CASES, ids=[case[1] for case in CASES])
def test_a_tree_is_said_in_three_languages_as_worked_out_by_hand(tree: Sentence, en: str, de: str, zh: str) -> None:
    assert (english.sentence(tree), german.sentence(tree), chinese.sentence(tree)) == (en, de, zh)
