"""Measures ddspcore against its peers: `python -m benchmarks --help`."""
