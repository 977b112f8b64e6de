"""Classrooms."""

from collections import Counter

import numpy as np
from tests.planting import planted

from stillwatch.worlds.clock import HOUR
from stillwatch.worlds.look_alikes.classroom import Classroom

PART = Classroom(accounts=40, exchanges=800, assignments=5, own=0.0)


def test_many_questions_are_the_assignment_itself() -> None:
    """Two fifths are word for word one of the assignments, two fifths begin with one."""
    prompts = planted(PART).column("prompt")
    assignments = [p for p, _ in Counter(prompts).most_common(5)]

    copied = sum(p in assignments for p in prompts)
    amended = sum(any(p.startswith(a + " ") for a in assignments) for p in prompts)

    assert 250 < copied < 390
    assert 250 < amended < 390


def test_lessons_are_in_the_same_hours() -> None:
    """All questions fall into as many spans of an hour and a half as there are assignments."""
    at = np.sort(planted(PART).events.at)

    lessons = np.flatnonzero(np.diff(at) > 2 * HOUR)

    assert len(lessons) + 1 <= 5


def test_a_class_sits_on_one_campus() -> None:
    """One network is everyone's first."""
    assert len(set(planted(PART).people.network.tolist())) == 1
