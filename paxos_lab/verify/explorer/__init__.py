"""Every schedule, tried. Read `plain_search.py` and `properties.py`; the rest makes it fast and shows it."""
