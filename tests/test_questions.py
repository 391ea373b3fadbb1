"""The file of predictions: what is wrong with an entry is said with its name."""

import tomllib

import pytest

from paxos_lab import LabError
from paxos_lab.teach.lessons.questions import SHIPPED, load

GOOD = """
[[prediction]]
key = "99-why"
question = '''
Who
wins?'''
gives_away = ["y wins"]

[[prediction.option]]
says = "x"
because = "It came too late."

[[prediction.option]]
says = "y"
right = true
because = "Since y wins."
"""


def write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_a_file_is_read_in_its_order_and_its_line_breaks_do_not_matter(tmp_path):
    found = load(write(tmp_path, GOOD + GOOD.replace("99-why", "98-how")))
    assert list(found) == ["99-why", "98-how"]
    one = found["99-why"]
    assert (one.question, one.answer, one.lesson, one.gives_away) == ("Who wins?", 1, "99", ("y wins",))
    assert [option.because for option in one.options] == ["It came too late.", "Since y wins."]


def test_the_mark_changes_with_what_is_asked_and_not_with_how_it_is_told(tmp_path):
    def mark(old, new):
        return load(write(tmp_path, GOOD.replace(old, new)))["99-why"].mark

    same = mark("", "")
    assert mark("It came too late.", "Late.") == same == mark('"y wins"', '"wins"')
    swapped = GOOD.split("[[prediction.option]]")
    swapped = "[[prediction.option]]".join([swapped[0], swapped[2], swapped[1]])
    assert load(write(tmp_path, swapped))["99-why"].mark == same
    changed = {same, mark("Who\n", "Who ever\n"), mark('says = "x"', 'says = "z"')}
    assert len(changed) == 3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('key = "99-why"', 'key = "why"', "prediction 'why': key is the number of a lesson and a name"),
        ('key = "99-why"', "key = 3", "prediction number 1: key is a text"),
        ('key = "99-why"\n', "", "prediction number 1 has no key"),
        ('gives_away = ["y wins"]', "gives_away = []", "'99-why': gives_away is a list of patterns"),
        ('gives_away = ["y wins"]', 'gives_away = "y wins"', "gives_away is a list of patterns"),
        ('["y wins"]', '["(y"]', "is no regular expression"),
        ('["y wins"]', "[3]", "a pattern of gives_away is a text"),
        ("right = true\n", "", "one option has `right = true`, here 0 have"),
        ('says = "x"', 'says = "x"\nright = true', "here 2 have"),
        ("right = true", 'right = "yes"', "option 2: right is true or false"),
        ('says = "x"', 'says = " "', "option 1: says is a text that is not empty"),
        ('says = "x"', 'says = "y"', "two options say the same"),
        ('because = "It came too late."\n', "", "option 1 has no because"),
        ('says = "x"', 'says = "x"\nwhy = "no"', "option 1 has a field that nobody reads: why"),
        ('key = "99-why"', 'key = "99-why"\nanswer = 1', "'99-why' has a field that nobody reads: answer"),
        ("[[prediction]]", "[[question]]", "holds predictions"),
        ("[[prediction]]", "[prediction", "no TOML file"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, old, new, says):
    assert old in GOOD
    with pytest.raises(LabError) as caught:
        load(write(tmp_path, GOOD.replace(old, new, 1)))
    assert says in str(caught.value) and "mine.toml" in str(caught.value)


def test_a_single_option_is_no_choice(tmp_path):
    with pytest.raises(LabError, match="needs 2 to 26 options"):
        load(
            write(
                tmp_path,
                GOOD[: GOOD.index("[[prediction.option]]")] + 'option = [{says = "a", because = "b"}]',
            )
        )


def test_two_with_one_key_an_empty_file_and_no_file(tmp_path):
    with pytest.raises(LabError, match="two predictions have the key '99-why'"):
        load(write(tmp_path, GOOD * 2))
    for text in ("", b"\xff\xfe"):
        with pytest.raises(LabError, match=r"mine\.toml"):
            load(write(tmp_path, text))
    with pytest.raises(LabError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_the_courses_file_holds_what_is_asked():
    shipped = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["prediction"]
    assert [entry["key"] for entry in shipped] == list(load())
    assert load() is not load(), "changing the answer changes nothing here"
