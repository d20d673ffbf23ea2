"""Results of running workers, for analysts: as data frames, and as they change.

    from eventfold.client import read, watch

    candles = read("candles", "ACME", since="1h", window="5m")
    for each in watch("candles", keys="ACME"):
        print(each)

It asks the web API of any worker, and imports neither Faust nor a Kafka client: the extra `client`
is enough beside the library. docs/client.md describes it.
"""

from eventfold.extras import demand

demand("httpx2", "client", "eventfold.client")
demand("polars", "client", "eventfold.client")

from eventfold.client.asking import ClientError  # noqa: E402  # one line names a missing extra
from eventfold.client.client import Client, Table, read, watch  # noqa: E402
from eventfold.client.watching import Gap, Update, Watch  # noqa: E402

__all__ = ["Client", "ClientError", "Gap", "Table", "Update", "Watch", "read", "watch"]
