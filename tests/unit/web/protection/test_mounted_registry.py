"""An application that is mounted within the server's, as the registry of schemas is."""

import pytest
from guarded_workers import ADMIN, READ, bearer, guarded


@pytest.mark.parametrize("path", ["/registry/", "/registry/mode", "/registry/nothing"])
async def test_registry_needs_the_same_credentials(protected, http, path) -> None:
    """Readers may read it, and each of its answers has the security headers."""
    for headers, status in ({}, 401), (bearer(READ), 200), (bearer(ADMIN), 200):
        async with http.get(protected.url + path, headers=headers) as reply:
            assert reply.status == (404 if status == 200 and "nothing" in path else status)
            assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
            assert reply.headers["Server"] == "tickstream"


async def test_only_an_admin_may_change_the_registry(protected, http) -> None:
    """A client that may only read is rejected before anything is looked up."""
    url = f"{protected.url}/registry/subjects/ticks-value/versions"
    for headers, refused in (bearer(READ), True), (bearer(ADMIN), False):
        async with http.post(url, json={}, headers=headers) as reply:
            assert (reply.status == 403) is refused, await reply.text()


async def test_configured_origins_apply_to_the_registry(http) -> None:
    """As to all other answers."""
    headers = {"Origin": "https://charts.example"}
    async with (
        guarded(TICKSTREAM_WEB_ORIGINS="*") as worker,
        http.get(f"{worker.url}/registry/mode", headers=headers) as reply,
    ):
        assert reply.status == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/registry/subjects/ticks-value/versions", "/registry/config"])
async def test_pages_of_other_sites_cannot_change_the_registry(unprotected, http, path) -> None:
    """A browser sends such a form without a preflight, also to a worker without tokens."""
    for method in "POST", "PUT", "DELETE":
        for origin in "https://evil.example", "null":
            headers = {"Origin": origin, "Content-Type": "text/plain"}
            async with http.request(
                method, unprotected.url + path, data=b"{}", headers=headers
            ) as reply:
                assert (reply.status, (await reply.json())["error"]["code"]) == (403, "forbidden")
    own = {"Origin": unprotected.url}
    for headers in {}, own:
        async with http.put(f"{unprotected.url}/registry/mode", headers=headers) as reply:
            assert reply.status == 405
