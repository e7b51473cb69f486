"""When the console says that a training has collapsed onto O."""

from cloudner.report.loggers.collapse import CollapseWatch


def told(evaluations, total):
    watch = CollapseWatch()
    return [step for step, f1 in evaluations if watch.told(step, total, f1)]


def test_said_once_where_nothing_is_found_past_a_third_of_the_steps():
    assert told([(step, 0.0) for step in range(0, 301, 30)], 300) == [120]


def test_small_guesses_of_a_fresh_head_and_late_learning_are_no_collapse():
    assert told([(0, 0.02), (30, 0.0), (60, 0.0), (90, 0.0), (110, 0.01), (140, 0.3)], 300) == []


def test_one_evaluation_without_is_not_enough_two_are():
    assert told([(100, 0.5), (200, 0.0), (300, 0.4)], 600) == []
    assert told([(100, 0.5), (200, 0.0), (300, 0.0), (400, 0.0)], 600) == [300]


def test_where_the_last_step_or_the_score_is_not_known():
    assert told([(100, 0.0), (200, 0.0), (300, 0.0)], None) == [300]
    assert told([(500, None), (600, None)], 600) == []
