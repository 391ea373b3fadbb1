"""The instructor's guide: its minutes add up, and agree with what the notebooks say of themselves."""

import re
from pathlib import Path

import nbformat
import pytest

from paxos_lab.verify import MUTANTS, RIGHT, find_variant

TOP = Path(__file__).resolve().parent.parent
GUIDE = TOP / "docs" / "instructor_guide.md"
TEXT = GUIDE.read_text(encoding="utf-8")
LESSONS = sorted((TOP / "notebooks").glob("*.ipynb"))

PARTS = ("**Goal.**", "**Usual mistakes**", "**Ask**", "**Cut.**")


def minutes_of(path):
    """What the top of the notebook says."""
    return int(re.search(r"\*\*Minutes\*\*\W+(\d+)", nbformat.read(path, as_version=4).cells[0].source)[1])


def plans():
    """title -> (minutes in the title, rows of (at, minutes, what))."""
    found = {}
    for section in re.split(
        r"^#{2,4} ", TEXT.split("## Three plans")[1].split("## How to lead")[0], flags=re.M
    ):
        title = section.partition("\n")[0]
        rows = re.findall(r"^\| (\d+) \| (\d+) \| (.+) \|$", section, re.MULTILINE)
        if rows:
            whole = int(re.search(r"\((\d+) minutes\)", title)[1])
            found[title] = (whole, [(int(at), int(minutes), what) for at, minutes, what in rows])
    return found


def sections():
    """number -> (minutes, text) of each lesson's section."""
    text = TEXT.split("## Lesson by lesson")[1].split("\n## ")[0]
    parts = re.split(r"^### (\d\d) · .+ \((\d+) minutes\)$", text, flags=re.MULTILINE)[1:]
    return {number: (int(minutes), body) for number, minutes, body in zip(*[iter(parts)] * 3, strict=True)}


def test_there_are_the_plans_that_are_promised():
    assert [whole for whole, _ in plans().values()] == [90, 240, 420, 420]


@pytest.mark.parametrize("title", plans())
def test_the_minutes_of_a_plan_add_up(title):
    whole, rows = plans()[title]
    passed = 0
    for at, minutes, what in rows:
        assert at == passed, what
        passed += minutes
    assert passed == whole


@pytest.mark.parametrize("title", plans())
def test_no_lesson_in_a_plan_is_longer_than_its_notebook_says(title):
    for _, minutes, what in plans()[title][1]:
        for link in re.findall(r"\(\.\./(notebooks/\S+?\.ipynb)\)", what):
            assert minutes <= minutes_of(TOP / link), what


def test_the_two_days_hold_every_lesson_with_a_section():
    rows = [what for title, (_, rows) in plans().items() if title.startswith("Day") for _, _, what in rows]
    named = {number for what in rows for number in re.findall(r"^\[?(\d\d)\b", what)}
    assert named == set(sections())


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_each_lesson_has_its_section_with_its_minutes(path):
    number = path.name[:2]
    if number in ("12", "13"):
        pytest.skip("the guide has no section for it yet")
    assert sections()[number][0] == minutes_of(path)


@pytest.mark.parametrize("number", sections())
def test_a_section_says_goal_mistakes_questions_with_answers_and_what_to_cut(number):
    body = sections()[number][1]
    places = [body.find(part) for part in PARTS]
    assert -1 not in places and places == sorted(places), dict(zip(PARTS, places, strict=True))
    mistakes, asked = (body.split(part)[1].split("\n\n")[0] for part in PARTS[1:3])
    assert mistakes.count("\n- ") >= 2
    questions = re.findall(r"^- \*(.+)$", asked, re.MULTILINE)
    assert len(questions) >= 3
    for question in questions:
        said = question.rpartition("* ")[2] if "* " in question else ""
        assert len(said) > 3, f"no answer: {question}"


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        else:
            assert (GUIDE.parent / target.partition("#")[0]).exists(), target


def test_every_make_target_that_it_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert (
        set(re.findall(r"\bmake ([a-z]+)\b(?! some)", " ".join(re.findall(r"`[^`]+`|^    .+$", TEXT, re.M))))
        <= targets
    )


def test_the_readme_leads_to_it():
    assert "(docs/instructor_guide.md)" in (TOP / "README.md").read_text(encoding="utf-8")


# ---- what it says of lesson 06, held against the lesson


def cards_of_the_gallery():
    source = next(
        c.source for c in nbformat.read(LESSONS[6], as_version=4).cells if "MutationGallery(" in c.source
    )
    return set(re.findall(r'"([MC]\d+)"', source))


def test_the_rules_that_need_more_than_two_ballots_are_those_it_names():
    line = next(
        line for line in sections()["06"][1].split("\n- ") if "Two ballots show every mistake" in line
    )
    named = set(re.findall(r"M\d+", line))
    assert named == {mutant.id for mutant in MUTANTS if mutant.smallest.ballots > 2}
    numbers = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
    ]
    assert f"{numbers[len(named)].capitalize()} of the {numbers[len(MUTANTS)]} rules" in line


def test_the_rules_that_need_a_crash_are_those_it_names():
    line = next(line for line in sections()["06"][1].split("\n- ") if "need a crash" in line)
    named = set(re.findall(r"M\d+", line))
    assert named == {mutant.id for mutant in MUTANTS if mutant.smallest.crashes}
    assert not named & cards_of_the_gallery()


def test_the_cards_to_keep_are_in_the_gallery():
    kept = re.findall(r"\b([MC]\d+) \(", sections()["06"][1].split("**Cut.**")[1])
    assert len(kept) == 3 and set(kept) <= cards_of_the_gallery()
    assert find_variant("C2") in RIGHT


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_what_it_says_may_be_cut_is_a_heading_of_the_lesson(path):
    number = path.name[:2]
    if number not in sections():
        pytest.skip("the guide has no section for it yet")
    cells = nbformat.read(path, as_version=4).cells
    headings = {
        re.sub(r"^#+ ", "", line).removesuffix(" (optional)")
        for cell in cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    }
    for quoted in re.findall(r'"([^"]+)"', sections()[number][1].split("**Cut.**")[1]):
        assert any(heading.startswith(quoted.rstrip(",")) for heading in headings), quoted
    optional = [
        line for line in "\n".join(c.source for c in cells).splitlines() if line.endswith("(optional)")
    ]
    assert bool(optional) == ("more for the parts marked *optional*" in cells[0].source)


# ---- the minutes of a lesson


WIDGET = re.compile(r"\b(Stepper|Duel|Gallery|\w+Lab|\w+Grid|\w+Game)\(")


def estimated(path):
    """Minutes by the rule in the guide, of what is not optional; tasks that a lesson sets come on top."""
    minutes, optional = 0.0, 0
    for cell in nbformat.read(path, as_version=4).cells[1:]:
        if cell.cell_type == "markdown":
            if heading := re.match(r"(#+) (.*)", cell.source):
                level = len(heading[1])
                if "(optional)" in heading[2]:
                    optional = level
                elif level <= optional:
                    optional = 0
            spent = len(re.sub(r"<[^>]+>", "", cell.source).split()) / 150
        else:
            spent = sum(bool(line.strip()) for line in cell.source.splitlines()) * 4 / 60
            spent += 0.75 * ("predict(" in cell.source) + 3 * bool(WIDGET.search(cell.source))
        minutes += 0 if optional else spent
    return minutes


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_takes_about_the_minutes_that_it_says(path):
    assert estimated(path) / 1.15 <= minutes_of(path) <= 2.5 * estimated(path), round(estimated(path))
    assert (
        "150 words of text a minute, spends 4 seconds on a line of\ncode, 45 on a guess and 3 minutes on a widget"
        in TEXT
    )
