"""Set-up says what it does, and what to do when it cannot."""

import io
import os
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import set_up


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ERROR: ProxyError('Cannot connect to proxy.', OSError('Tunnel failed'))", "HTTPS_PROXY"),
        ("SSLError(SSLCertVerificationError(1, 'certificate verify failed'))", "PIP_CERT"),
        ("NewConnectionError: [Errno -3] Temporary failure in name resolution", "PIP_INDEX_URL"),
        ("ERROR: No matching distribution found for setuptools>=77 (from versions: none)", "HTTPS_PROXY"),
        ("OSError: [Errno 28] No space left on device", "1 GB"),
        ("OSError: [Errno 13] Permission denied: '.venv'", "a folder of your own"),
    ],
)
def test_what_pip_says_has_a_cure(said, words):
    assert words in set_up.cure_of(said)


def test_an_unknown_error_is_not_explained_away():
    assert set_up.cure_of("error: subprocess-exited-with-error: gcc failed") == ""


def test_without_an_index_the_last_words_are_about_the_network(tmp_path, monkeypatch):
    with socket.socket() as closed:  # a port on which nobody listens
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for name in [n for n in os.environ if n.lower().endswith("proxy") or n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    out = io.StringIO()
    assert set_up.main([str(tmp_path / "venv")], out) == 1
    said = out.getvalue()
    assert said.startswith("Setting up the course, JupyterLab in ") and "minutes" in said
    assert "Set-up did not come to its end. pip reached no package index." in said


def test_progress_is_one_line_on_a_terminal_and_a_few_elsewhere():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for out, lines in ((Terminal(), 0), (io.StringIO(), 4)):
        progress = set_up.Progress(out, 0.0)
        for i in range(45):
            progress.hear(f"Collecting package{i}>=1")
        progress.hear("Installing collected packages: " + ", ".join(f"p{i}" for i in range(45)))
        progress.end()
        assert out.getvalue().count("\n") == lines
        assert "found 41 packages, now package40>=1" in out.getvalue()
        assert "writing 45 packages to disk" in out.getvalue()
