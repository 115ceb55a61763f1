"""Hypothesis runs the same examples every time, so that a failure in CI is a failure at home."""

from hypothesis import settings

settings.register_profile("commlb", derandomize=True, deadline=None)
settings.load_profile("commlb")
