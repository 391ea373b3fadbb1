"""What browser tests with a notebook of their own share."""

import builtins
import symtable
from pathlib import Path

import nbformat

LESSONS = Path(__file__).resolve().parent.parent.parent / "notebooks"


def put_notebook(lab_folder, name, sources):
    """Write a notebook with these code cells into what is served; its name."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab_folder / "notebooks" / f"{name}.ipynb")
    return name


def put_lesson(lab_folder, name, *wanted):
    """Write a lesson cut down to the code cells that hold these words and to what these need; its name.

    The lesson as a whole is run by nbval; a browser test need not wait for cells that it does not look at.
    """
    lesson = nbformat.read(LESSONS / f"{name}.ipynb", as_version=4)
    sources = [cell.source for cell in lesson.cells if cell.cell_type == "code"]
    lost = [word for word in wanted if not any(word in source for source in sources)]
    assert not lost, f"{name} has no code cell with {lost}"
    kept, needed = [], set()
    for source in reversed(sources):
        bound, used = _names(source)
        if any(word in source for word in wanted) or bound & needed:
            kept.append(source)
            needed = (needed - bound) | used
    unmade = needed - set(dir(builtins))
    assert not unmade, f"{name}: nothing makes {unmade}"
    return put_notebook(lab_folder, f"{name}_cut", reversed(kept))


def _names(source):
    """The global names that a cell makes, and those that it uses and does not make."""
    top = symtable.symtable(source, "cell", "exec")
    tables, made, used = [top], set(), set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is top and (symbol.is_assigned() or symbol.is_imported()):
                made.add(symbol.get_name())
            elif table is top or symbol.is_global():
                used.add(symbol.get_name())
    return made, used - made


def dress(page, theme, width, height=1000):
    """Give JupyterLab a theme, "Light" or "Dark", and the window a size; wait until the page shows it."""
    light = str(theme == "Light").lower()
    # Asked for what is there already, JupyterLab says nothing, and there would be nothing to wait for.
    if page.evaluate("() => document.body.dataset.jpThemeLight") != light:
        change = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})"
        page.evaluate(change, f"JupyterLab {theme}")
        page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light)
    page.set_viewport_size({"width": width, "height": height})


def output(page, index, text):
    """The output of a cell, scrolled into view, once it shows that text."""
    cell = page.locator(".jp-CodeCell").nth(index)
    cell.scroll_into_view_if_needed()
    area = cell.locator(".jp-OutputArea").first
    area.get_by_text(text).first.wait_for()
    return area
