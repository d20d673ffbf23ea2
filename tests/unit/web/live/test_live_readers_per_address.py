"""Limit of the readers of live events per address."""

from typing import Any

import pytest

from eventfold.web.errors import ApiError
from eventfold.web.live.hub import MOST_OF_CLIENT, Hub


def no_consumer() -> Any:
    """Fail: no reader here watches a topic."""
    raise AssertionError


async def test_address_at_its_limit_does_not_block_other_addresses() -> None:
    """It may open a reader again when one of its own has left."""
    hub = Hub(dict, no_consumer)
    readers = [(await hub.open([], {}, "greedy"))[0] for _ in range(MOST_OF_CLIENT)]
    with pytest.raises(ApiError, match="limit of one client") as refused:
        await hub.open([], {}, "greedy")
    assert refused.value.status == 503
    await hub.open([], {}, "another")
    hub.close(readers[0])
    await hub.open([], {}, "greedy")
