"""For TICKSTREAM_MODULES: /healthz fails after 2 s (and a transaction's time-out), not 60 s.

The limit is no setting: nobody would know what to set.
"""

from eventfold.kafka import openings

openings.LIMIT = 2.0
