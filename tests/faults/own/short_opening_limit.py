"""Make /healthz fail after 2 s of opening (and a transaction's time-out), not after 60 s.

For TICKSTREAM_MODULES: the limit is no setting, as nobody would know what to set.
"""

from eventfold.kafka import openings

openings.LIMIT = 2.0
