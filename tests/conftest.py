"""One profile for every property, one thread for every test, and Ctrl-C as on a terminal."""

import signal

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
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
