"""Queries across the workers of an application: each worker answers for all of them.

A request for a key or for all keys passes these modules once, in this order:

1. `windows`, `results`, `tables`, `keys`, `alerts` or a route of the application: which table is
   read, and how.
2. `answers`: local state, then the other workers, then standbys.
3. `local`: reads of this worker's partitions and standbys, and the answer to another worker.
4. `coverage`: queries of the other workers: which partitions an answer has, which are missing,
   which are from a standby.
5. `peers`: the other workers, their partitions, and requests to them.
"""

from eventfold.web.application import APP, served, state_tables
from eventfold.web.query.answers import answer_all, answer_key
from eventfold.web.query.local import collect

__all__ = ["APP", "answer_all", "answer_key", "collect", "served", "state_tables"]
