"""Made-up owners: repeatable, answerable from the cited passage alone, and nothing of any real person."""

import re
from itertools import islice
from random import Random

import pytest

from fischgpt.assistant.quoting import REFUSALS
from fischgpt.chat import Turn
from fischgpt.data.grounded import conversations, labelled
from fischgpt.data.grounded import questions as ask
from fischgpt.data.grounded.absent import missed
from fischgpt.data.grounded.asked import MadeUp, made_up
from fischgpt.data.grounded.talk import Talk
from fischgpt.data.grounded.trades import HELD_TRADES, TRADES, VERBS
from fischgpt.data.grounded.words import (
    CITIES,
    CULTURES,
    HELD_CITIES,
    HELD_CULTURES,
    HELD_HOBBIES,
    HOBBIES,
    HOBBY_KINDS,
    TOOL_KINDS,
)

CITED = re.compile(r"\[(\d+)\] (.*?)(?= \[\d+\] |$)")


@pytest.fixture(scope="module")
def sample() -> list[tuple[list[Turn], list[str]]]:
    return [labelled(11, "train", i) for i in range(5000, 6500)]


def passages(turns: list[Turn]) -> list[str]:
    return [line.split("] ", 1)[1] for line in turns[0].text.split("\n")]


def test_a_conversation_depends_on_its_seed_split_and_number_alone() -> None:
    run = list(islice(conversations(3), 8))
    assert list(islice(conversations(3, start=5), 3)) == run[5:]
    assert list(islice(conversations(4), 8)) != run
    assert list(islice(conversations(3, "held-out"), 8)) != run


def test_roles_alternate_after_the_passages(sample: list[tuple[list[Turn], list[str]]]) -> None:
    for turns, kinds in sample:
        assert [t.role for t in turns] == ["system", *(["user", "assistant"] * len(kinds))]
        assert 1 <= len(kinds) <= 10
        assert all(t.text.strip() == t.text and t.text for t in turns)


def test_every_answer_stands_word_for_word_in_the_passage_it_cites(sample: list[tuple[list[Turn], list[str]]]) -> None:
    cited = 0
    for turns, _ in sample:
        shown = passages(turns)
        for turn in turns[2::2]:
            if turn.text in REFUSALS:
                continue
            spans = CITED.findall(turn.text)
            assert spans and " ".join(f"[{n}] {text}" for n, text in spans) == turn.text
            for n, text in spans:
                assert text in shown[int(n) - 1] or text.removesuffix(".") in shown[int(n) - 1], (text, shown)
                cited += 1
    assert cited > 2000


def test_kinds_are_all_there_and_declining_stays_the_minority(sample: list[tuple[list[Turn], list[str]]]) -> None:
    kinds = [kind for _, row in sample for kind in row]
    declined = sum(turn.text in REFUSALS for turns, _ in sample for turn in turns[2::2])
    wanted = {
        "worded",
        "single",
        "list",
        "head",
        "follow-up",
        "private",
        "near",
        "absent",
        "section",
        "unknown",
        "injection",
        "injection+",
    }
    assert set(kinds) == wanted
    assert 0.18 < declined / len(kinds) < 0.32
    assert kinds.count("near") / len(kinds) > 0.03


def test_an_order_in_question_or_resume_never_reaches_the_answer(sample: list[tuple[list[Turn], list[str]]]) -> None:
    orders = [template.split("{")[0].strip().lower() for part in ask.OVERRIDE for template in part]
    orders = [start for start in orders if len(start) > 5]
    seen = 0
    for turns, _ in sample:
        seen += any(start in turn.text.lower() for start in orders for turn in turns[:2])
        for turn in turns[2::2]:
            assert not any(start in turn.text.lower() for start in orders)
    assert seen > 50


def test_the_right_passage_is_often_but_not_always_first(sample: list[tuple[list[Turn], list[str]]]) -> None:
    places = [
        int(m.group(1))
        for turns, _ in sample
        if (m := CITED.match(turns[2].text)) and len(turns[0].text.split("\n")) == 8
    ]
    assert 0.25 < sum(p == 1 for p in places) / len(places) < 0.75
    assert all(places.count(p) > 5 for p in range(1, 9))


def test_held_out_lists_stay_out_of_training(sample: list[tuple[list[Turn], list[str]]]) -> None:
    names = lambda rows: {name for women, men, last in rows for name in (*women, *men, *last)}  # noqa: E731
    assert not names(CULTURES) & names(HELD_CULTURES)
    assert not set(CITIES) & set(HELD_CITIES)
    objects = {noun for trade in HELD_TRADES for noun in trade.objects}
    assert not objects & {noun for trade in TRADES for noun in trade.objects}
    text = "\n".join(turn.text for turns, _ in sample for turn in turns)
    held = [city.replace("-", " ") for city in HELD_CITIES] + [f" {n} " for n in names(HELD_CULTURES) if len(n) > 4]
    assert not [name for name in held if name in text]
    for train, held_phrasings in ask.FAMILIES.values():
        assert not set(train) & set(held_phrasings)


def test_no_real_person_and_no_figure_of_the_default_profile(sample: list[tuple[list[Turn], list[str]]]) -> None:
    real = ("Kristian", "Fischer", "FischGPT", "Karpathy", "208.74", "2.9803", "1.7258", "FineWeb", "OASST", "Lovelace",
            "Turing", "Nightingale", "Tesla", "Ramanujan", "Einstein", "Curie")  # fmt: skip
    text = "\n".join(turn.text for turns, _ in sample for turn in turns)
    assert not [name for name in real if name in text]


def test_every_phrasing_of_every_family_can_be_filled() -> None:
    keys = [
        "v",
        "p",
        "g",
        "pp",
        "a",
        "n",
        "t",
        "c",
        "m",
        "x",
        "ns",
        "who",
        "used",
        "dir",
        "meas",
        "f",
        "soc",
        "metric",
        "data",
        "gpu",
        "org",
        "title",
        "course",
        "l",
        "h",
        "k",
        "y",
    ]
    for family, (train, held) in ask.FAMILIES.items():
        for template in (*train, *held):
            filled = template.format_map({**ask.forms("you", "Amara", "Amara Obi"), **{key: key for key in keys}})
            assert "{" not in filled and filled, family
    for template in (*ask.PRIVATE[0], *ask.PRIVATE[1], *ask.FALSE[0], *ask.FALSE[1]):
        assert "{" not in template.format_map(
            {
                **ask.forms("she", "Amara", "Amara Obi"),
                **dict.fromkeys(("city", "t", "org2", "m2", "h2", "w", "y"), "Q"),
            }
        )


def test_every_near_miss_can_be_filled_with_what_its_entries_hold() -> None:
    slots = {"job": ("org", "title"), "vol": ("org",), "edu": ("org", "f"), "award": ("x",), "pub": ("x",),
             "proj": ("x",), "cert": ("x",), "skill": ("t",), "lang": ("l",), "hobby": ("h",),
             "ref": ("m",)}  # fmt: skip
    for family, rows in ask.NEAR.items():
        known = dict.fromkeys(slots.get(family.removesuffix("_miss"), ()), "Q")
        for row in rows:
            assert row.train and row.held and not set(row.train) & set(row.held)
            assert all(word and word == word.lower() for word in row.told), row
            for template in (*row.train, *row.held):
                assert "{" not in template.format_map({**ask.forms("you", "Amara", "Amara Obi"), **known})


def test_a_near_miss_of_an_entry_is_not_asked_where_a_passage_tells_it() -> None:
    reasons = [row for row in ask.NEAR["award_miss"] if "given for" in row.told]
    whys = {template for row in reasons for template in row.train}
    told = asked = 0
    for number in range(1500):
        talk = Talk(Random(f"near/{number}"), held_out=False, sizes=(40,))
        for at, line in enumerate(talk.lines):
            for miss in line.misses if line else ():
                if miss.family != "award_miss":
                    continue
                why = {template.format_map({**talk.forms, **miss.fills}) for template in whys}
                shown = any(word in talk.lows[at] for word in reasons[0].told)
                found = {missed(talk, at, miss) for _ in range(8)} & why
                assert not (shown and found)
                told, asked = told + shown, asked + bool(found)
    assert told > 50 and asked > 20


def test_kinds_are_of_known_hobbies_and_each_can_be_asked_for() -> None:
    known = {word.lower() for word in (*HOBBIES, *HELD_HOBBIES)}
    for kind in (*HOBBY_KINDS, *TOOL_KINDS):
        assert all(ask.FAMILIES[f"kind_{kind.name}"])
        assert not kind.yes & kind.maybe
    assert all(kind.yes <= known for kind in HOBBY_KINDS)


@pytest.fixture(scope="module")
def owners() -> list[MadeUp]:
    return list(islice(made_up(21), 250))


def test_questions_of_whole_profiles_are_answered_or_not_in_fair_shares(owners: list[MadeUp]) -> None:
    rows = [one for owner in owners for one in owner.questions]
    assert 0.38 < sum(not one.answers for one in rows) / len(rows) < 0.55
    assert all((one.kind != "near" or not one.answers) and one.text for one in rows)
    assert sum(one.kind == "near" for one in rows) / len(rows) > 0.2


def test_first_and_present_jobs_are_the_ones_the_dates_say(owners: list[MadeUp]) -> None:
    first, now = ask.FAMILIES["job_first"][0], ask.FAMILIES["job_now"][0]
    plain = lambda texts: {t.format_map(ask.forms("you", "", "")).lower() for t in texts}  # noqa: E731
    firsts, nows = plain(first), plain(now)
    seen = 0
    for owner in owners:
        jobs = [i for i, p in enumerate(owner.passages) if p.section == "Work" and p.id.count("-") == 1]
        for one in owner.questions:
            text = one.text.lower().strip("?. ")
            if one.answers and text in firsts:
                assert one.answers == (jobs[-1],)
            if one.answers and text in nows:
                assert "since" in owner.passages[one.answers[0]].text
            seen += bool(one.answers) and text in firsts | nows
    assert seen > 3


def test_every_verb_of_every_trade_is_known() -> None:
    for trade in (*TRADES, *HELD_TRADES):
        assert all(verb in VERBS for verb in trade.verbs)
        assert len(trade.objects) >= 10
