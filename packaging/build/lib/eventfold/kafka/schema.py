"""Schema of batched topics: batches pass through undecoded, and tasks decode the records."""

from typing import Any

import faust


class BatchSchema(faust.Schema):
    """Schema that passes a batch through undecoded."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Return the function with which Faust decodes this topic's messages."""

        async def decode(message: Any, **_: Any) -> faust.Event:
            return faust.Event(app, None, message.value, {}, message)

        return decode
