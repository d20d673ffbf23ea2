"""An application that is mounted within the server's, as the registry of schemas is."""

import pytest
from guarded_workers import ADMIN, READ, bearer, guarded


@pytest.mark.parametrize("path", ["/registry/", "/registry/mode", "/registry/nothing"])
async def test_it_is_behind_the_same_protection(protected, http, path) -> None:
    """Read by who may read, with what browsers are told on each of its answers."""
    for headers, status in ({}, 401), (bearer(READ), 200), (bearer(ADMIN), 200):
        async with http.get(protected.url + path, headers=headers) as reply:
            assert reply.status == (404 if status == 200 and "nothing" in path else status)
            assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
            assert reply.headers["Server"] == "tickstream"


async def test_only_an_admin_changes_it(protected, http) -> None:
    """A client that may only read is rejected before anything is looked up."""
    url = f"{protected.url}/registry/subjects/ticks-value/versions"
    for headers, refused in (bearer(READ), True), (bearer(ADMIN), False):
        async with http.post(url, json={}, headers=headers) as reply:
            assert (reply.status == 403) is refused, await reply.text()


async def test_its_answers_may_be_read_by_the_sites_of_the_settings(http) -> None:
    """As all others."""
    headers = {"Origin": "https://charts.example"}
    async with (
        guarded(TICKSTREAM_WEB_ORIGINS="*") as worker,
        http.get(f"{worker.url}/registry/mode", headers=headers) as reply,
    ):
        assert reply.status == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/registry/subjects/ticks-value/versions", "/registry/config"])
async def test_no_page_of_another_site_changes_it(unprotected, http, path) -> None:
    """A browser sends such a form without asking, also to a worker that asks nobody for a token."""
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
