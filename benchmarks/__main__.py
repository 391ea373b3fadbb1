"""Everything, or what is named: `python -m benchmarks bus lessons clicks`."""

import sys

from benchmarks import bus, clicks, lessons, log, searches, storms

REPORTS = {
    "bus": bus.report,
    "clicks": clicks.report,
    "lessons": lessons.report,
    "searches": searches.report,
    "log": log.report,
    "storms": storms.report,
}

if __name__ == "__main__":
    chosen = [name for name in sys.argv[1:] if name != "--long"] or list(REPORTS)
    unknown = [name for name in chosen if name not in REPORTS]
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(REPORTS)}")
    for name in chosen:
        REPORTS[name]()
