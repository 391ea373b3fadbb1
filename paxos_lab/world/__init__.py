"""What every world shares: events, network, trace, schedules, what a role may do. Read `node.py` and `bus.py` first; open this when you ask how."""
