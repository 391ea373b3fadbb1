"""A real JupyterLab over a copy of the notebooks, and a real browser in front of it.

`open_notebook(name)` opens a lesson, runs all its cells and returns the page.
Nothing here waits for time to pass: the page is asked for the state that is meant.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pages import dress

TOP = Path(__file__).resolve().parent.parent.parent
PICTURES = TOP / "test-artifacts"

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip

SCREEN = {"width": 1280, "height": 1000}

NAME_OF_OPEN = "() => jupyterapp.shell.currentWidget?.context?.localPath.split('/').pop()"

OPEN_AND_RUN = """async path => {
  const notebook = await jupyterapp.commands.execute('docmanager:open', {path});
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  await notebook.sessionContext.session.kernel.info;
  await jupyterapp.commands.execute('notebook:run-all-cells');
}"""

# Without the question whether to save: the next test begins with the file as it was.
CLOSE = """async () => {
  for (const widget of [...jupyterapp.shell.widgets('main')]) {
    await widget.sessionContext?.shutdown?.();
    widget.dispose();
  }
}"""


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory):
    """What is served: a copy of notebooks/, to which a test may add one of its own."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(TOP / "notebooks", folder / "notebooks")
    return folder


@pytest.fixture(scope="session")
def lab(chromium_path, lab_folder):
    """Serve the folder on a free port of loopback; JupyterLab's address with its token."""
    folder = lab_folder
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    command = [
        sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ip=127.0.0.1",
        f"--port={port}", "--ServerApp.port_retries=0", "--expose-app-in-browser",
        f"--IdentityProvider.token={token}", f"--config={TOP / 'tools' / 'jupyter_lab_config.py'}", f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    own = {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "PAXOS_LAB_HOME": str(
            folder / "home"
        ),  # guesses are kept, and not in the folder of whoever runs this
    }
    log = folder / "lab.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=sink, stderr=sink, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _await_server(server, port, log)
        yield f"{address}/lab?token={token}&reset"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def _await_server(server, port, log):
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended:\n{log.read_text()}")
        try:
            # A connection attempt takes up to 0.1 s by itself, so this is no busy loop.
            with socket.create_connection(("127.0.0.1", port), timeout=0.1) as connection:
                connection.sendall(b"GET /api HTTP/1.0\r\n\r\n")
                if b"200" in connection.recv(64):
                    return
        except OSError:
            server_gone = server.poll() is not None
            if not server_gone:
                _pause()
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text()}")


def _pause():
    # select() on nothing: refused connections come back at once, so give the server its turn.
    import select

    select.select([], [], [], 0.1)


@pytest.fixture(scope="session")
def browser(chromium_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app(lab, browser):
    """The page of JupyterLab, opened once: a notebook after another is shown in it."""
    page = browser.new_page(viewport=SCREEN)
    page.set_default_timeout(30_000)
    page.goto(lab)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => jupyterapp.restored")
    page.evaluate("() => jupyterapp.shell.collapseLeft()")
    # Its splash screen goes in its own time, and may raise on the way.
    page.wait_for_function("() => !document.querySelector('#jupyterlab-splash')")
    yield page
    page.close()


@pytest.fixture(scope="module")
def open_notebook(app):
    """A function (name) -> page: only this notebook is open, and all its cells were run."""
    dress(app, "Light", **SCREEN)
    app.problems = []

    def note(error):
        app.problems.append(str(error))

    def open_it(name):
        if app.evaluate(NAME_OF_OPEN) != f"{name}.ipynb":
            app.evaluate(CLOSE)
            app.evaluate(OPEN_AND_RUN, f"notebooks/{name}.ipynb")
        return app

    app.on("pageerror", note)
    yield open_it
    app.remove_listener("pageerror", note)
    app.evaluate(CLOSE)


@pytest.fixture
def keep(request):
    """A function (locator or page, name): keep a screenshot to look at."""
    PICTURES.mkdir(exist_ok=True)

    def keep_it(what, name):
        clean = re.sub(r"\W+", "_", name)
        what.screenshot(path=PICTURES / f"{clean}.png")

    return keep_it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A browser test that fails leaves a screenshot and says where the focus was."""
    report = yield
    page = getattr(item, "funcargs", {}).get("app")
    if report.when == "call" and report.failed and page is not None:
        PICTURES.mkdir(exist_ok=True)
        picture = PICTURES / f"failed_{re.sub(r'[^a-zA-Z0-9]+', '_', item.name)}.png"
        page.screenshot(path=picture)
        seen = page.evaluate(
            "() => document.activeElement.outerHTML.slice(0, 500) + '\\n' + document.body.innerText"
        )
        report.sections.append((f"page, with screenshot {picture.name}", seen))
    return report


class StepperOnPage:
    """The stepper as somebody in front of the screen sees it."""

    def __init__(self, page, index=0):
        self.page = page
        self.root = page.locator(".paxos-stepper").nth(index)
        self.root.scroll_into_view_if_needed()
        # JupyterLab paints a cell some time after it came into view; before, it shows no text.
        page.wait_for_function("root => root.innerText.length > 0", arg=self.root.element_handle())

    def restart(self):
        """Go back to where only the first node has started."""
        self.root.focus()
        self.page.keyboard.press("Home")
        self.await_step(0)
        self.click("forward", to=1)
        return self

    @property
    def step(self):
        return int(self.root.get_attribute("data-step"))

    def await_step(self, step):
        """Wait until at least that many steps are on screen, or exactly 0."""
        test = "=== 0" if step == 0 else f">= {step}"
        self.page.wait_for_function(
            f"root => Number(root.dataset.step) {test}", arg=self.root.element_handle()
        )

    def button(self, key):
        return self.root.locator(f"button[data-key='{key}']")

    def click(self, key, to=None):
        """Press the button; wait until the answer to this very click is on screen."""
        self.button(key).click()
        self.page.wait_for_function(
            "root => root.dataset.answers === root.dataset.asked", arg=self.root.element_handle()
        )
        if to is not None:
            assert self.step == to

    def text(self, part):
        return self.root.locator(part).inner_text()

    def flights(self):
        return self.root.locator(".message .text").all_inner_texts()

    def node(self, name):
        return self.root.locator(f".node[data-node='{name}']").inner_text()


@pytest.fixture
def stepper():
    return StepperOnPage
