"""The schema of batched topics: the batch passes through, its records are read by its tasks."""

from typing import Any

import faust


class BatchSchema(faust.Schema):
    """Passes a batch through undecoded."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Give Faust's decoder of this topic's messages."""

        async def decode(message: Any, **_: Any) -> faust.Event:
            return faust.Event(app, None, message.value, {}, message)

        return decode
