"""Slides from the lessons: which cell begins a slide, and the decks themselves.

    python tools/slides.py mark notebooks/*.ipynb     # write the cell metadata, touch nothing else
    python tools/slides.py build [notebooks ...]      # decks in build/slides, one file each

A deck is one HTML file that asks no host for anything. What is a widget in the lab shows its picture; a
guess shows its question, then on the next key its answer.
"""

from __future__ import annotations

import argparse
import ast
import html
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import SlidesExporter
from nbconvert.filters import markdown2html
from nbconvert.preprocessors import Preprocessor
from traitlets.config import Config

from paxos_lab.teach.lessons.questions import of_the_course

TOP = Path(__file__).resolve().parent.parent
WIDGET = "application/vnd.jupyter.widget-view+json"

ROOM = 680  # CSS pixels of a slide that text and pictures may fill
PROSE, CODE, TALLEST = 36, 26, 460  # a line of each, and the tallest picture (static/deck.css)
WORDS = 13  # of prose in a line
GUESS = 330
IMAGE = re.compile(r'<img class="paxos-picture"[^>]*>')


def height_of(cell: Any) -> int:
    """About how many pixels this cell fills on a slide, with its outputs."""
    if cell.cell_type == "markdown":
        text = re.sub(r"<details>.*?</details>", "<summary>", cell.source, flags=re.DOTALL)
        rows = [
            2 if line.startswith("#") else 1 + len(line.split()) // WORDS
            for line in text.splitlines()
            if line
        ]
        return PROSE * sum(rows) + 12 * text.count("\n\n")
    if cell.source.startswith("predict("):
        return GUESS
    height = CODE * len(cell.source.splitlines()) + 20
    for output in cell.outputs:
        data = output.get("data", {})
        if svg := data.get("image/svg+xml"):
            size = re.search(r'height="([\d.]+)(pt)?"', svg)
            height += min(int(float(size[1]) * (4 / 3 if size[2] else 1)) if size else 0, TALLEST)
            height += PROSE * ("<figcaption" in data.get("text/html", ""))
        elif "image/png" in data:
            height += 400
        elif "text/markdown" in data and WIDGET in data:
            height += 3 * PROSE
        elif "text/markdown" in data:
            height += PROSE * len(data["text/markdown"].splitlines())
        else:
            text = output.get("text") or data.get("text/plain") or ""
            height += CODE * sum(1 + len(line) // 100 for line in text.splitlines())
    return height


def kind_of(cell: Any, first: bool, filled: int) -> str:
    """slide, subslide, skip or "-" (it goes on the slide before); `filled`: pixels that are taken there."""
    if first:
        return "slide"
    if cell.cell_type == "markdown":
        if cell.source.startswith("## "):
            return "slide"
        if cell.source.startswith("### "):
            return "subslide"
    elif not cell.outputs and re.search(r"^(from|import|assert)\b", cell.source, re.MULTILINE):
        # What only prepares or only proves. A class or function that is defined there is shown.
        defines = re.search(r"^(class|def)\b", cell.source, re.MULTILINE)
        return "subslide" if defines and filled + height_of(cell) > ROOM else "-" if defines else "skip"
    return "subslide" if filled + height_of(cell) > ROOM else "-"


def asks(cell: Any) -> bool:
    """Does this cell ask for a guess?"""
    return "**Guess" in cell.source if cell.cell_type == "markdown" else cell.source.startswith("predict(")


def mark(notebook: Any) -> None:
    """Give each cell its slide_type, by its text and its outputs alone; nothing else is changed."""
    filled = 0
    for number, cell in enumerate(notebook.cells):
        kind = kind_of(cell, number == 0, filled)
        cell.metadata["slideshow"] = {"slide_type": kind}
        if kind != "skip":
            filled = height_of(cell) + (filled if kind == "-" else 0)
            if asks(cell):
                filled = ROOM  # what it asks for is not to be seen beside it


def mark_file(path: Path) -> bool:
    """Mark a notebook in its file; True if anything changed."""
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    mark(notebook)
    after = nbformat.writes(notebook) + "\n"
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
    return after != before


def guess(source: str) -> dict[str, Any] | None:
    """The question, options, answer and reason of a `predict(...)` cell; None if it is anything else."""
    try:
        (statement,) = ast.parse(source).body
        call = statement.value  # type: ignore[attr-defined]
        found = dict(zip(("id", "question", "options"), map(ast.literal_eval, call.args), strict=False))
        found |= {word.arg: ast.literal_eval(word.value) for word in call.keywords}
        if call.func.id != "predict":
            return None
    except (SyntaxError, ValueError, AttributeError, TypeError):
        return None
    if set(found) == {"id"}:
        asked = of_the_course(found["id"])
        options = [option.says for option in asked.options]
        why = asked.options[asked.answer].because
        return {"question": asked.question, "options": options, "answer": asked.answer, "why": why}
    return found if {"question", "options", "answer"} <= set(found) else None


class ForTheScreen(Preprocessor):
    """What a projector cannot show becomes what it can: widgets their pictures, guesses their question."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        cells = []
        for cell in nb.cells:
            asked = guess(cell.source) if cell.cell_type == "code" else None
            cells += self.two_cells(cell, asked) if asked else [self.still(cell)]
        nb.cells = cells
        return nb, resources

    def two_cells(self, cell: Any, asked: dict[str, Any]) -> list[Any]:
        options = "".join(f"<li>{html.escape(option)}</li>" for option in asked["options"])
        question = f'<div class="guess"><h3>Guess</h3><p>{html.escape(asked["question"])}</p><ol>{options}</ol></div>'
        answer = html.escape(asked["options"][asked["answer"]])
        why = html.escape(asked.get("why", ""))
        told = f'<div class="guess-answer"><b>{answer}</b>. {why}</div>'
        return [
            nbformat.v4.new_markdown_cell(question, metadata=cell.metadata),
            nbformat.v4.new_markdown_cell(told, metadata={"slideshow": {"slide_type": "fragment"}}),
        ]

    def still(self, cell: Any) -> Any:
        if cell.cell_type == "markdown":
            cell.source = folded(cell.source)
        elif cell.cell_type == "code":
            # A widget on a slide is what it left behind, and that is an output of its own.
            cell.outputs = [o for o in cell.outputs if set(o.get("data", {})) != {WIDGET}]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            widget = data.pop(WIDGET, None) is not None
            if svg := data.pop("image/svg+xml", None):
                # In the page itself, as large as the slide allows, with its caption and the words it has.
                figure = data.get("text/html", "")
                data["text/html"] = IMAGE.sub(lambda _: svg, figure) if IMAGE.search(figure) else svg
            elif "text/markdown" in data:
                text = data["text/markdown"]
                if widget:
                    first, _, rest = text.partition("\n\n")
                    text = f"{first}\n\n<details><summary>The grid in words</summary>{rest}</details>"
                data["text/markdown"] = folded(text)
            elif widget:
                words = html.escape(data.get("text/plain", ""))
                data["text/html"] = f'<div class="in-the-lab">In the lab: <pre>{words}</pre></div>'
        return cell


def folded(text: str) -> str:
    """Each <details> as HTML without an empty line, which would end it for nbconvert's Markdown."""

    def whole(found: re.Match[str]) -> str:
        inside = re.sub(r"\s*\n\s*", " ", markdown2html(found[2].strip()))
        return f"<details>{found[1]}{inside}</details>"

    return re.sub(r"<details>\s*(<summary>.*?</summary>)(.*?)</details>", whole, text, flags=re.DOTALL)


def deck(path: Path) -> str:
    """The slides of this notebook as one page."""
    config = Config()
    config.SlidesExporter.template_name = "slides_template"
    config.SlidesExporter.extra_template_basedirs = [str(TOP / "tools")]
    config.SlidesExporter.embed_images = True
    config.SlidesExporter.exclude_input_prompt = True
    config.SlidesExporter.exclude_output_prompt = True
    exporter = SlidesExporter(config=config)
    exporter.register_preprocessor(ForTheScreen, enabled=True)
    # It goes first: the exporter's own preprocessor looks at the slide types.
    exporter._preprocessors.insert(0, exporter._preprocessors.pop())
    notebook = nbformat.read(path, as_version=4)
    # A lesson beside this one is a deck beside this one.
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.html)", cell.source)
    page, _ = exporter.from_notebook_node(
        notebook, {"metadata": {"name": path.stem, "path": str(path.parent)}}
    )
    return page


def contents(paths: list[Path]) -> str:
    """A page with a link to each deck."""
    titles = [
        (p.stem, nbformat.read(p, as_version=4).cells[0].source.splitlines()[0].lstrip("# ")) for p in paths
    ]
    links = "".join(f'<li><a href="{stem}.html">{html.escape(title)}</a></li>' for stem, title in titles)
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>paxos-lab: slides</title>'
        '<body style="font:20px/1.6 system-ui,sans-serif;margin:3em">'
        f"<h1>Slides</h1><p>Arrow keys or space; Esc for an overview; F for full screen.</p><ul>{links}</ul></body></html>\n"
    )


def main(arguments: list[str] | None = None) -> int:
    """Mark notebooks, or build decks."""
    parser = argparse.ArgumentParser(description="Slides from the lessons.")
    parser.add_argument("what", choices=("mark", "build"))
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, default=TOP / "build" / "slides")
    chosen = parser.parse_args(arguments)
    paths = chosen.notebooks or sorted((TOP / "notebooks").glob("*.ipynb"))
    if chosen.what == "mark":
        for path in paths:
            print(f"{'marked' if mark_file(path) else 'as it was'} {path.name}")
        return 0
    chosen.out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (chosen.out / f"{path.stem}.html").write_text(deck(path), encoding="utf-8")
        print(f"{chosen.out / path.stem}.html")
    (chosen.out / "index.html").write_text(contents(paths), encoding="utf-8")
    print(f"open {chosen.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
