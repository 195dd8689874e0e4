"""Tests of reading and checking program files."""

import pytest

pytest.register_assert_rewrite("tests.gamification.program.marked")
