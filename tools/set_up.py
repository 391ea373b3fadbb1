"""Make the environment of the course, and say how far it is.

    python3 tools/set_up.py .venv              # what a learner needs: the course and JupyterLab
    python3 tools/set_up.py .venv test         # with what runs the tests
    python3 tools/set_up.py .venv test --clear # made anew

`make` calls it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

# What pip says -> what to do about it, in the order in which they are looked for.
CURES = [
    (
        ("certificate", "ssl"),
        "The connection is not trusted: a proxy may be reading along. Ask for its certificate, and set\n"
        "PIP_CERT=/path/to/it.pem before you run this again.",
    ),
    (
        ("proxy",),
        "A proxy is in the way, or the one that is set does not answer. Set HTTPS_PROXY=http://host:port\n"
        "before you run this again; `env | grep -i proxy` shows what is set now.",
    ),
    (
        ("connection", "network is unreachable", "name resolution", "timed out", "no matching distribution"),
        "pip reached no package index. Is there a network? Behind a proxy set HTTPS_PROXY=http://host:port.\n"
        "With an index of your own set PIP_INDEX_URL=its address. Then run this again: it goes on where it stopped.",
    ),
    (("no space left",), "The disk is full: set-up needs about 1 GB. Make some room and run this again."),
    (
        ("permission denied",),
        "This folder cannot be written. Copy the course to a folder of your own, and run this there.",
    ),
]


def cure_of(said):
    """What to do about an error of pip, by what it printed; "" if none of the known ones is in there."""
    low = said.lower()
    return next((cure for signs, cure in CURES if any(sign in low for sign in signs)), "")


class Progress:
    """One line that counts packages; on a terminal it is written over, elsewhere one line for each twenty."""

    def __init__(self, out, begin):
        self.out, self.begin, self.count, self.over = out, begin, 0, out.isatty()

    def hear(self, line):
        """A line of pip."""
        line = line.strip()
        if line.startswith("Collecting "):
            self.count += 1
            if self.over or self.count % 20 == 1:
                self.say(f"found {self.count} packages, now {line.split()[1]}")
        elif line.startswith("Installing collected packages"):
            self.say("writing {} packages to disk".format(line.count(",") + 1))

    def say(self, text):
        text = f"  {time.monotonic() - self.begin:4.0f} s  {text}"
        self.out.write(f"\r{text:<78.78}" if self.over else text + "\n")
        self.out.flush()

    def end(self):
        if self.over:
            self.out.write("\r" + " " * 78 + "\r")


def run(command, hear):
    """Run it, `hear` each line; return its exit code and all that it said."""
    process = subprocess.Popen(
        command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        hear(line)
    return process.wait(), "".join(lines)


def main(arguments, out=sys.stdout):
    """Make the environment; 0 if it stands."""
    options = [a for a in arguments if a.startswith("--")]
    venv, *extras = [a for a in arguments if not a.startswith("--")]
    what = "the course, JupyterLab" + (", what runs the tests" if extras else "")
    size = 0.8 if extras else 0.5
    out.write(f"Setting up {what} in {venv}: two or three minutes and about {size} GB, once.\n")
    progress = Progress(out, time.monotonic())
    progress.say("making the environment")
    code, text = run([sys.executable, "-m", "venv", *options, str(Path(venv).resolve())], lambda line: None)
    if code == 0:
        python = Path(venv).resolve() / ("Scripts" if os.name == "nt" else "bin") / "python"
        target = "." + ("[{}]".format(",".join(extras)) if extras else "")
        flags = ["--disable-pip-version-check", "--no-input", "--retries", "2", "--progress-bar", "off"]
        command = [str(python), "-m", "pip", "install", *flags, "-c", "constraints.txt", "-e", target]
        code, text = run(command, progress.hear)
    progress.end()
    if code:
        out.write(
            text[-3000:].rstrip()
            + "\n\nSet-up did not come to its end. {}\n".format(cure_of(text) or "The lines above say why.")
        )
        return 1
    out.write(f"Set up in {time.monotonic() - progress.begin:.0f} s.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
