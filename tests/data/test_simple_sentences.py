"""Statements worked out by hand: one tree, three languages, every form of verb and noun."""

from dataclasses import replace

import pytest
from grammar import chinese, english, german
from grammar.tree import (
    Clause,
    Pair,
    Question,
    Sentence,
    Statement,
    Subordination,
)
from trees import (
    ANNA,
    CALLS,
    EXISTS,
    GIVES,
    GOES,
    HE,
    PETER,
    READS,
    SHE,
    SLEEPS,
    THEY,
    WE,
    YOU,
    I,
    a,
    adverb,
    bare,
    counted,
    is_,
    moment,
    name,
    of,
    the,
    this,
    verb,
)

CASES: list[tuple[Sentence, str, str, str]] = [
    # tense and agreement
    (Statement(READS), "The teacher reads an old book.", "Der Lehrer liest ein altes Buch.", "老师读一本旧书。"),
    (
        Statement(replace(READS, tense="past", subject=ANNA)),
        "Anna read an old book.",
        "Anna hat ein altes Buch gelesen.",
        "安娜读了一本旧书。",
    ),
    (
        Statement(replace(READS, tense="future")),
        "The teacher will read an old book.",
        "Der Lehrer wird ein altes Buch lesen.",
        "老师会读一本旧书。",
    ),
    (
        Statement(replace(READS, tense="progressive", subject=I)),
        "I am reading an old book.",
        "Ich lese gerade ein altes Buch.",
        "我正在读一本旧书。",
    ),
    (
        Statement(replace(READS, subject=YOU, frequency=adverb("often"))),
        "You often read an old book.",
        "Du liest oft ein altes Buch.",
        "你经常读一本旧书。",
    ),
    (
        Statement(Clause(the("child", plural=True), verb("swim"), "past")),
        "The children swam.",
        "Die Kinder sind geschwommen.",
        "孩子们游了泳。",
    ),
    # separable and reflexive verbs
    (Statement(CALLS), "He calls the doctor.", "Er ruft den Arzt an.", "他给医生打电话。"),
    (
        Question(CALLS, "yes_no"),
        "Does he call the doctor?",
        "Ruft er den Arzt an?",
        "他给医生打电话吗？",
    ),
    (
        Statement(replace(CALLS, tense="past")),
        "He called the doctor.",
        "Er hat den Arzt angerufen.",
        "他给医生打了电话。",
    ),
    (
        Subordination("because", Statement(SLEEPS), CALLS, False),
        "The child slept because he calls the doctor.",
        "Das Kind hat geschlafen, weil er den Arzt anruft.",
        "因为他给医生打电话，所以孩子睡觉了。",
    ),
    (
        Statement(Clause(I, verb("rest"), "past", times=(moment("today"),))),
        "I rested today.",
        "Ich habe mich heute ausgeruht.",
        "我今天休息了。",
    ),
    (
        Statement(Clause(the("student"), verb("play the piano"), modal="want")),
        "The student wants to play the piano.",
        "Der Student will Klavier spielen.",
        "学生想弹钢琴。",
    ),
    # negation
    (
        Statement(replace(READS, negated=True)),
        "The teacher does not read an old book.",
        "Der Lehrer liest kein altes Buch.",
        "老师不读一本旧书。",
    ),
    (
        Statement(replace(CALLS, tense="past", negated=True)),
        "He did not call the doctor.",
        "Er hat den Arzt nicht angerufen.",
        "他没给医生打电话。",
    ),
    (
        Statement(replace(GOES, negated=True, tense="future")),
        "We will not go to the station.",
        "Wir werden nicht zum Bahnhof gehen.",
        "我们不会去火车站。",
    ),
    (
        Statement(Clause(SHE, verb("drink"), object=bare("milk"), negated=True)),
        "She does not drink milk.",
        "Sie trinkt keine Milch.",
        "她不喝牛奶。",
    ),
    (
        Statement(Clause(THEY, verb("have"), object=a("key"), negated=True)),
        "They do not have a key.",
        "Sie haben keinen Schlüssel.",
        "他们没有一把钥匙。",
    ),
    (
        Statement(replace(READS, subject=HE, frequency=adverb("never"))),
        "He never reads an old book.",
        "Er liest nie ein altes Buch.",
        "他从来不读一本旧书。",
    ),
    # modals
    (
        Statement(Clause(YOU, verb("open"), object=this("window"), modal="must", negated=True)),
        "You must not open this window.",
        "Du darfst dieses Fenster nicht öffnen.",
        "你不可以打开这扇窗户。",
    ),
    (
        Statement(Clause(PETER, verb("invite"), "past", modal="must", object=of(HE, "neighbor"))),
        "Peter had to invite his neighbor.",
        "Peter musste seinen Nachbarn einladen.",
        "彼得必须邀请他的邻居。",
    ),
    (
        Statement(Clause(PETER, verb("dance"), "past", modal="must", negated=True)),
        "Peter did not have to dance.",
        "Peter musste nicht tanzen.",
        "彼得不必跳舞。",
    ),
    (
        Statement(Clause(I, verb("come back"), modal="can", negated=True)),
        "I cannot come back.",
        "Ich kann nicht zurückkommen.",
        "我不能回来。",
    ),
    (
        Statement(Clause(SHE, verb("swim"), modal="like")),
        "She likes to swim.",
        "Sie schwimmt gern.",
        "她喜欢游泳。",
    ),
    (
        Question(Clause(WE, verb("pick up"), object=the("guest", plural=True), modal="should"), "yes_no"),
        "Should we pick up the guests?",
        "Sollten wir die Gäste abholen?",
        "我们应该接客人们吗？",
    ),
    # case, gender and number
    (
        Statement(GIVES),
        "Anna gives the student a gift.",
        "Anna gibt dem Studenten ein Geschenk.",
        "安娜给学生一件礼物。",
    ),
    (
        Statement(replace(GIVES, tense="past", recipient=HE, object=this("lamp", "old"))),
        "Anna gave him this old lamp.",
        "Anna hat ihm diese alte Lampe gegeben.",
        "安娜给了他这盏旧灯。",
    ),
    (
        Statement(Clause(the("pilot"), verb("help"), "past", object=of(I, "friend", plural=True))),
        "The pilot helped my friends.",
        "Der Pilot hat meinen Freunden geholfen.",
        "飞行员帮助了我的朋友们。",
    ),
    (
        Statement(Clause(name("Mr. Wang"), verb("buy"), "past", object=counted(2, "shirt", "white"))),
        "Mr. Wang bought two white shirts.",
        "Herr Wang hat zwei weiße Hemden gekauft.",
        "王先生买了两件白色的衬衫。",
    ),
    (
        Statement(Clause(I, verb("see"), "past", object=name("Mr. Wang"))),
        "I saw Mr. Wang.",
        "Ich habe Herrn Wang gesehen.",
        "我看见了王先生。",
    ),
    (
        Statement(Clause(THEY, verb("sell"), object=replace(the("book"), owner=the("boy")))),
        "They sell the boy's book.",
        "Sie verkaufen das Buch des Jungen.",
        "他们卖男孩的书。",
    ),
    (
        Statement(Clause(Pair(ANNA, PETER), verb("eat"), object=bare("bread", "fresh"))),
        "Anna and Peter eat fresh bread.",
        "Anna und Peter essen frisches Brot.",
        "安娜和彼得吃新鲜的面包。",
    ),
    (
        Statement(
            Clause(replace(the("child"), determiner="every"), verb("learn"), object=replace(the("song", "short")))
        ),
        "Every child learns the short song.",
        "Jedes Kind lernt das kurze Lied.",
        "每个孩子都学短的歌。",
    ),
    (
        Statement(is_(replace(the("car", plural=True), determiner="some"), "expensive")),
        "Some cars are expensive.",
        "Einige Autos sind teuer.",
        "一些汽车很昂贵。",
    ),
    (
        Statement(Clause(SHE, verb("need"), object=of(ANNA, "bag", "black"))),
        "She needs Anna's black bag.",
        "Sie braucht Annas schwarze Tasche.",
        "她需要安娜的黑色的包。",
    ),
    # copula, comparison, existence, weather
    (Statement(is_(the("girl"), "tired")), "The girl is tired.", "Das Mädchen ist müde.", "女孩很累。"),
    (Question(is_(YOU, "tired"), "yes_no"), "Are you tired?", "Bist du müde?", "你累吗？"),
    (
        Statement(replace(is_(the("engineer"), "angry"), tense="past", negated=True)),
        "The engineer was not angry.",
        "Der Ingenieur war nicht wütend.",
        "工程师不生气。",
    ),
    (
        Statement(is_(of(I, "sister"), "old", kind="person", than=YOU)),
        "My sister is older than you.",
        "Meine Schwester ist älter als du.",
        "我的姐姐比你老。",
    ),
    (
        Statement(EXISTS),
        "There are two old chairs in the kitchen.",
        "Es gibt zwei alte Stühle in der Küche.",
        "厨房里有两把旧椅子。",
    ),
    (
        Statement(replace(EXISTS, tense="past", negated=True, object=bare("lamp", plural=True))),
        "There were no lamps in the kitchen.",
        "Es gab keine Lampen in der Küche.",
        "厨房里没有灯。",
    ),
]


@pytest.mark.parametrize(("tree", "en", "de", "zh"), CASES, ids=[case[1] for case in CASES])
def test_a_tree_is_said_in_three_languages_as_worked_out_by_hand(tree: Sentence, en: str, de: str, zh: str) -> None:
    assert (english.sentence(tree), german.sentence(tree), chinese.sentence(tree)) == (en, de, zh)
