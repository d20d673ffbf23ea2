"""One address takes no more than its places at live events."""

from typing import Any

import pytest

from eventfold.web.errors import ApiError
from eventfold.web.live.hub import MOST_OF_CLIENT, Hub


def no_consumer() -> Any:
    """Fail: nobody watches a topic here."""
    raise AssertionError


async def test_others_get_in_when_one_has_all_its_places() -> None:
    """And it gets in again when one of its own has left."""
    hub = Hub(dict, no_consumer)
    readers = [(await hub.open([], {}, "greedy"))[0] for _ in range(MOST_OF_CLIENT)]
    with pytest.raises(ApiError, match="all it takes of one") as refused:
        await hub.open([], {}, "greedy")
    assert refused.value.status == 503
    await hub.open([], {}, "another")
    hub.close(readers[0])
    await hub.open([], {}, "greedy")
