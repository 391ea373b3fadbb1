"""From a click to the redrawn stepper, counted in the browser, for a trace of 60 messages.

The peer is a plain ipywidgets button whose handler changes one label, clicked in the same page:
what Jupyter itself takes for a round trip through the kernel.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

TOP = Path(__file__).resolve().parent.parent
MESSAGES, CLICKS, AIM = 60, 20, 100.0

CELLS = [
    f"""
from paxos_lab import Deliver, MessageBus
from paxos_lab.paxos import single_decree
from paxos_lab.show import Stepper
bus = MessageBus(single_decree(["x", "y"], acceptors=5, learners=2), seed=1, duplicate=0.5)
bus.run(until=lambda bus: sum(isinstance(s.event, Deliver) for s in bus.trace) == {MESSAGES})
Stepper(bus)
""",
    """
import ipywidgets
button, label = ipywidgets.Button(description="plain"), ipywidgets.Label("0")
button.add_class("plain-button"); label.add_class("plain-label")
button.on_click(lambda _: setattr(label, "value", str(int(label.value) + 1)))
ipywidgets.VBox([button, label])
""",
]

MEASURE = """async ([button, shown, change]) => {
  const target = document.querySelector(shown);
  const begin = performance.now();
  const drawn = new Promise(resolve => {
    new MutationObserver((_, observer) => {
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    }).observe(target, change);
  });
  document.querySelector(button).click();
  return await drawn - begin;
}"""


def report() -> None:
    """Print the median click-to-redraw time, as a ratio to the aim and to a plain widget."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(TOP / "tests"))
    from conftest import find_chromium

    chromium = find_chromium()
    if chromium is None:
        print("click to redraw: not measured, no Chromium was found (set PAXOS_LAB_CHROMIUM)")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, Path(folder) / "clicks.ipynb")
        server, address = _serve(folder)
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium,
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(address)
            page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
            page.evaluate(
                """async () => {
                  await jupyterapp.restored;
                  const context = jupyterapp.shell.currentWidget.sessionContext;
                  await context.ready;
                  await context.session.kernel.info;
                  await jupyterapp.commands.execute('notebook:run-all-cells');
                }"""
            )
            page.wait_for_selector(".paxos-stepper")
            page.wait_for_selector(".plain-label")
            times: dict[str, list[float]] = {"stepper": [], "plain": []}
            answered = {"attributes": True, "attributeFilter": ["data-answers"]}
            for click in range(CLICKS):
                key = "back" if click % 2 == 0 else "forward"  # so that the trace keeps its length
                stepper = [f".paxos-stepper [data-key={key}]", ".paxos-stepper", answered]
                plain = [
                    ".plain-button",
                    ".plain-label",
                    {"childList": True, "subtree": True, "characterData": True},
                ]
                times["stepper"].append(page.evaluate(MEASURE, stepper))
                times["plain"].append(page.evaluate(MEASURE, plain))
            browser.close()
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)
    mine, peer = statistics.median(times["stepper"]), statistics.median(times["plain"])
    print(f"click to redraw, {MESSAGES} messages, median of {CLICKS} clicks, counted in the browser")
    print(f"  plain ipywidgets button  {peer:6.0f} ms")
    print(
        f"  stepper                  {mine:6.0f} ms   {mine / peer:5.2f} x the plain button, {mine / AIM:.2f} x the aim of {AIM:.0f} ms"
    )


def _serve(folder: str) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ip=127.0.0.1",
            f"--port={port}", "--ServerApp.port_retries=0", "--expose-app-in-browser",
            f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "JUPYTER_CONFIG_DIR": folder, "JUPYTER_DATA_DIR": f"{folder}/data"},
    )  # fmt: skip
    assert server.stderr is not None
    for line in server.stderr:  # it says so itself when it serves
        if re.search(rb"is running at", line):
            break
    else:
        raise RuntimeError("JupyterLab ended before it served")
    return server, f"http://127.0.0.1:{port}/lab/tree/clicks.ipynb?token={token}"
