"""How hard the property tests try: every run the same few examples; HYPOTHESIS_PROFILE=soak tries many new ones."""

import os

from hypothesis import HealthCheck, settings

# The default run is repeatable, so that a red build is red again on the next machine.
settings.register_profile(
    "steady",
    max_examples=20,
    stateful_step_count=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "soak",
    max_examples=1000,
    stateful_step_count=60,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
