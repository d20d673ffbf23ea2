"""Topics of maintenance: readings -> maintenance."""

from app.maintenance.records import Maintenance, Reading
from eventfold.topics import Topic

READINGS = Topic(
    "readings",
    Reading,
    key="machine",
    purpose="what machines' sensors read",
    partitions=3,
    external=True,
)
MAINTENANCE = Topic(
    "maintenance",
    Maintenance,
    key="machine",
    purpose="machines that drift, jump or are silent",
    partitions=3,
)
