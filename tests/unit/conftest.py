"""Settings of hypothesis here: no limit on an example's time, since machines are shared."""

from hypothesis import settings

settings.register_profile("tickstream", deadline=None, database=None, print_blob=True)
settings.load_profile("tickstream")
