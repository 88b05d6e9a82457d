"""One hypothesis profile: the same examples on every machine, and no clock."""

from hypothesis import settings

settings.register_profile("rdptheory", deadline=None, derandomize=True)
settings.load_profile("rdptheory")
