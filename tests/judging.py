"""What the tables of verdicts share: an answer is the solution with an edit, or a cell of its own.

A row of `WRONG` is (edits, what the verdict must say); of `RIGHT` (edits, what it must say besides
"passed", or ""). Edits: a dictionary of replacements in the solution, or a whole cell as text.
"""

from checking import cell

from paxos_lab.teach import check
from paxos_lab.teach.exercises.tasks import ALL


def answer_cell(solution, edits):
    """The text of the learner's cell."""
    if isinstance(edits, str):
        return edits
    for old, new in edits.items():
        assert solution.count(old) >= 1, f"nothing to replace: {old!r}"
        solution = solution.replace(old, new)
    return solution


def verdict(task, imports, source):
    """What the check says to this cell."""
    names = cell(source, imports)
    return check(task, *(names[name] for name in ALL[task].takes))


def rows(table):
    """(task, name, edits, said) of every row, for a parametrized test."""
    return [(task, name, *row) for task, answers in table.items() for name, row in answers.items()]
