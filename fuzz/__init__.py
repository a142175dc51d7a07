"""Fuzz targets: any bytes, to every parser that a stranger can reach.

A target is a module with `WORDS` (what mutations are made of), `seeds()` (inputs to begin with)
and `one(data)`, which raises AssertionError, or whatever escaped, where an input finds a defect.
Targets know no fuzzer: `tests/test_fuzz.py` runs them too. Only `guided` imports atheris.
"""
