"""One profile for every property, one thread for every test."""

from hypothesis import HealthCheck, Phase, settings
from threadpoolctl import threadpool_limits

settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    phases=(Phase.explicit, Phase.generate),  # shrinking a failure of a solver takes longer than reading it
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")
threadpool_limits(1)
