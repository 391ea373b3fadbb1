"""The answer is not on the page before the guess: not in the cell, above it, or in what is seen right below."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import nbformat
import pytest

from paxos_lab.teach.lessons.questions import LETTERS, load

TOP = Path(__file__).resolve().parent.parent
LESSONS = sorted((TOP / "notebooks").glob("*.ipynb"))
QUESTIONS = load()


@cache
def cells(path):
    return nbformat.read(path, as_version=4).cells


def key_of(cell):
    """The key of a cell that asks a prediction, or None."""
    found = re.fullmatch(r'predict\("([^"]+)"\)', cell.source) if cell.cell_type == "code" else None
    return found and found[1]


def prompts(cell):
    """Does this text ask for a guess?"""
    return cell.cell_type == "markdown" and "**Guess" in cell.source


def hidden(cell):
    return cell.metadata.get("jupyter", {}).get("outputs_hidden", False)


def shown(cell):
    """The words of the outputs that a reader sees before anything is run."""
    if hidden(cell):
        return ""
    words = []
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        words += [
            output.get("text", ""),
            *(data.get(kind, "") for kind in ("text/plain", "text/markdown", "text/html")),
        ]
        words += re.findall(r"<text\b.*?</text>|alt=\"[^\"]*\"", data.get("image/svg+xml", ""), re.DOTALL)
    return "\n".join(words)


def above(lesson, place):
    """(id, words) of all that a reader has met before the cell at this place; other questions' options left out."""
    return [(c.id, c.source if key_of(c) else f"{c.source}\n{shown(c)}") for c in lesson[:place]]


def below(lesson, place):
    """(id, words) of the outputs that are seen below the cell at this place, up to the next heading."""
    found = []
    for cell in lesson[place + 1 :]:
        if cell.cell_type == "markdown" and re.match("#+ ", cell.source):
            found.append((cell.id, cell.source.splitlines()[0]))
            break
        if key_of(cell):
            break
        found.append((cell.id, shown(cell)))
    return found


def given_away(question, places):
    """(pattern, id, words) of everything that tells the answer."""
    return [
        (pattern, id, found[0])
        for pattern in question.gives_away
        for id, words in places
        if (found := re.search(pattern, re.sub(r"\s+", " ", words), re.IGNORECASE))
    ]


def first_answer(lesson, place):
    """The first cell after this place whose outputs are stored, or None."""
    later = (c for c in lesson[place + 1 :] if c.get("outputs") and not key_of(c))
    return next(later, None)


@cache
def asked():
    return {
        key: (path, place) for path in LESSONS for place, c in enumerate(cells(path)) if (key := key_of(c))
    }


def test_each_question_is_asked_once_in_the_lesson_of_its_number():
    keys = [(key_of(c), path.name[:2]) for path in LESSONS for c in cells(path) if key_of(c)]
    assert sorted(key for key, _ in keys) == sorted(QUESTIONS)
    assert all(key[:2] == number for key, number in keys)


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_a_cell_says_which_question_and_nothing_else(path):
    for cell in cells(path):
        if cell.cell_type == "code" and "predict(" in cell.source:
            assert key_of(cell), f"{cell.id}: only the key stands in a lesson"


@pytest.mark.parametrize("key", QUESTIONS)
def test_nothing_gives_the_answer_away_before_the_guess(key):
    path, place = asked()[key]
    lesson = cells(path)
    assert not given_away(QUESTIONS[key], above(lesson, place))
    assert not given_away(QUESTIONS[key], below(lesson, place))


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_what_answers_a_guess_is_folded(path):
    lesson = cells(path)
    for place, cell in enumerate(lesson):
        if key_of(cell) or prompts(cell):
            answer = first_answer(lesson, place)
            assert answer is None or hidden(answer), f"{cell.id}: the outputs of {answer.id} answer it"


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_only_what_is_tagged_is_folded(path):
    """`tools/notebooks.py` writes the one from the other when it runs a lesson again."""
    for cell in cells(path):
        assert hidden(cell) == ("guessed" in cell.metadata.get("tags", [])), cell.id


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_the_patterns_know_the_answer_and_not_the_question(question):
    right = question.options[question.answer]
    assert given_away(question, [("answer", f"{right.says}\n{right.because}")])
    assert not given_away(question, [("question", question.question)])


def test_an_answer_that_stands_before_its_question_is_found():
    question = QUESTIONS["04-broken"]
    code = nbformat.v4.new_code_cell
    told = nbformat.v4.new_output("stream", text="These 300 seeds\nmiss it.")
    folded = {"jupyter": {"outputs_hidden": True}}
    lesson = [
        nbformat.v4.new_markdown_cell("## What 300 runs cannot show"),
        code("print()", outputs=[told]),
        code("print()", outputs=[told], metadata=folded),
        code('predict("04-broken")'),
        code("print()", outputs=[told], metadata=folded),
        code("print()", outputs=[told]),
        nbformat.v4.new_markdown_cell("## Next"),
        code("print()", outputs=[told]),
    ]
    ids = [cell.id for cell in lesson]
    assert [id for _, id, _ in given_away(question, above(lesson, 3))] == [ids[0], ids[1]]
    assert [id for _, id, _ in given_away(question, below(lesson, 3))] == [ids[5]]
    assert first_answer(lesson, 3).id == ids[4] and hidden(lesson[4]) and not hidden(lesson[5])


@pytest.mark.parametrize("size", sorted({len(q.options) for q in QUESTIONS.values()}))
def test_right_answers_are_spread_evenly_over_the_letters(size):
    places = Counter(q.answer for q in QUESTIONS.values() if len(q.options) == size)
    counts = [places[i] for i in range(size)]
    assert max(counts) - min(counts) <= 1, dict(zip(LETTERS, counts, strict=False))


def test_no_lesson_has_the_same_letter_three_times_in_a_row():
    for number in {q.lesson for q in QUESTIONS.values()}:
        letters = "".join(LETTERS[q.answer] for q in QUESTIONS.values() if q.lesson == number)
        assert not re.search(r"(.)\1\1", letters), (number, letters)


def test_each_option_has_a_reason_of_its_own():
    reasons = [option.because for q in QUESTIONS.values() for option in q.options]
    assert len(set(reasons)) == len(reasons)
    right = {q.options[q.answer].because for q in QUESTIONS.values()}
    assert len(right) == len(QUESTIONS)
