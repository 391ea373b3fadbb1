"""What the lab costs, measured beside a peer in the same run: `python -m benchmarks`."""
