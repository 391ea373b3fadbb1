"""The interview cards: the file that ships is whole, and a wrong file is told what is wrong in it."""

import re
import tomllib
from pathlib import Path

import pytest

from paxos_lab import LabError
from paxos_lab.teach.interview.cards import GROUPS, LESSONS, SHIPPED, by_group, load

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

GOOD = {
    "id": '"one"', "group": '"basics"', "lesson": '"00_start_here"', "question": '"Why?"',
    "answer": '"It is so. Really."', "strong": '"More."', "wrong": '"Less."',
    "follow_ups": '["And then?", "And if not?"]',
}  # fmt: skip


def written(tmp_path, *cards):
    """A file with these cards; each a dict of field -> TOML text."""
    path = tmp_path / "own.toml"
    blocks = ["[[card]]\n" + "".join(f"{k} = {v}\n" for k, v in card.items()) for card in cards]
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def sentences(text):
    return re.findall(r"[^.?!]+[.?!](?=\s|$|\"|')", text)


def test_at_least_sixty_cards_in_all_six_groups():
    groups = by_group(load())
    assert tuple(groups) == GROUPS
    assert sum(map(len, groups.values())) >= 60
    assert min(map(len, groups.values())) >= 8


@pytest.mark.parametrize("card", load(), ids=lambda card: card.id)
def test_each_card_is_one_that_can_be_used(card):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.id)
    assert 2 <= len(sentences(card.answer)) <= 5, sentences(card.answer)
    assert 20 <= len(card.answer.split()) <= 120
    assert card.question[-1] in "?." and card.strong.endswith(".") and card.wrong.endswith(".")
    assert card.wrong.startswith('"'), "first what is said, then why it is wrong"
    assert len(card.wrong.split('"')) >= 3 and card.wrong.split('"')[2].strip()
    assert len(set(card.follow_ups)) == len(card.follow_ups)
    assert (NOTEBOOKS / f"{card.lesson}.ipynb").exists()


def test_no_question_is_asked_twice():
    asked = [q for card in load() for q in (card.question, *card.follow_ups)]
    assert len(asked) == len(set(asked))


def test_the_file_can_be_read_by_people():
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        assert len(line) <= 110 or line.startswith(("question", "    ")), line


def test_the_file_comes_with_the_package():
    data = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    assert any(SHIPPED.match(f"paxos_lab/{pattern}") for pattern in data["paxos_lab"])


def test_line_breaks_in_the_file_have_no_meaning(tmp_path):
    broken = {**GOOD, "answer": '"""\nIt is\n  so.   Really.\n"""'}
    assert load(written(tmp_path, broken)) == load(written(tmp_path, GOOD))


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_named_with_its_card(tmp_path, field):
    without = {k: v for k, v in GOOD.items() if k != field}
    with pytest.raises(LabError, match=f"own.toml, card 2.*the field '{field}' is missing"):
        load(written(tmp_path, {**GOOD, "id": '"first"'}, without))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("group", '"basic"', r"card 1 \('one'\): group is 'basic', which is none of basics, safety"),
        ("lesson", '"15_more"', r"lesson is '15_more', which is none of 00_start_here"),
        ("answer", '"  "', "answer is a text that is not empty"),
        ("answer", "7", "answer is a text that is not empty, got 7"),
        ("id", "[]", r"card 1: id is a text"),
        ("follow_ups", '["One?"]', "two or three questions"),
        ("follow_ups", '"One?"', "two or three questions"),
        ("follow_ups", '["One?", ""]', "follow_ups is a text"),
        ("anwser", '"x"', "there is no field 'anwser'; fields are id, group"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, field, value, said):
    with pytest.raises(LabError, match=said):
        load(written(tmp_path, {**GOOD, field: value}))


def test_an_id_that_occurs_twice_is_named(tmp_path):
    with pytest.raises(LabError, match="two cards have the id 'one'"):
        load(written(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[[card]\n", "is no TOML file"),
        (b"\xff\xfe", "is no TOML file in UTF-8"),
        (b"", r"each under its own \[\[card\]\]"),
        (b"card = 3", r"each under its own"),
        (b"card = [3]", "card 1: a card is a table of fields, got 3"),
        (b"title = 'mine'\n[[card]]\n", "nothing else"),
    ],
)
def test_a_file_that_is_no_card_file_is_told_so(tmp_path, content, said):
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(LabError, match=said):
        load(path)


def test_a_file_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(LabError, match=r"gone\.toml cannot be read"):
        load(tmp_path / "gone.toml")


def test_lessons_to_which_a_card_may_lead_are_numbered_in_order():
    assert [lesson[:2] for lesson in LESSONS] == [f"{n:02}" for n in range(12)]
