"""What the reference and other recipes make of the same chunks: `python -m ddsp_dgen.compare`."""
