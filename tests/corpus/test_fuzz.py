"""A part of `fuzz.py`, with another seed each time the samples change and the same one otherwise."""

from corpus import fuzz


def test_damaged_files_are_converted_or_refused_in_one_line():
    assert [failure.why for failure in fuzz.run(400, seed=17)] == []


def test_repetitions_take_time_that_grows_with_them():
    assert [failure.why for failure in fuzz.probe_time(20, seed=17)] == []
