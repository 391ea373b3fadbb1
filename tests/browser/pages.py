"""What browser tests with a notebook of their own share."""

import nbformat


def put_notebook(lab_folder, name, sources):
    """Write a notebook with these code cells into what is served; its name."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab_folder / "notebooks" / f"{name}.ipynb")
    return name


def output(page, index, text):
    """The output of a cell, scrolled into view, once it shows that text."""
    cell = page.locator(".jp-CodeCell").nth(index)
    cell.scroll_into_view_if_needed()
    area = cell.locator(".jp-OutputArea").first
    area.get_by_text(text).first.wait_for()
    return area
