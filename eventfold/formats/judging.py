"""Compatibility, judged in a process of its own that is given so long and no longer.

Two schemas of 56 kB whose unions have hundreds of branches keep Avro's library busy for minutes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from http import HTTPStatus

from msgspec import Struct, json

from eventfold.decoding import decode_json
from eventfold.formats.compatibility import Level, judge
from eventfold.formats.errors import RegistryError, invalid_schema

#: Bytes of a schema that is kept.
MOST_BYTES = 65_536

#: Seconds that all of a question may take.
PATIENCE = 10.0

#: One at a time: they would only take each other's processor.
_turn = asyncio.Lock()


class _Question(Struct):
    new: str
    olds: list[str]
    level: Level


async def judged(new: str, olds: list[str], level: Level) -> list[str]:
    """Return why a schema may not follow others (texts, the last of them last) under a level.

    Raises RegistryError (42201) where it is too branched to be compared, 503 where others are still
    being compared.
    """
    if level is Level.NONE or not olds:
        return []
    try:
        async with asyncio.timeout(PATIENCE):
            await _turn.acquire()
    except TimeoutError:
        message = "Other schemas are being compared: ask again"
        raise RegistryError(HTTPStatus.SERVICE_UNAVAILABLE, 50003, message) from None
    try:
        return await _ask(_Question(new, olds if level.transitive else olds[-1:], level))
    finally:
        _turn.release()


def demand_size(text: str) -> None:
    """Raise RegistryError (42201) where a schema is larger than what is kept."""
    size = len(text.encode())
    if size > MOST_BYTES:
        raise invalid_schema(f"it has {size:,} bytes, more than {MOST_BYTES:,}")


async def _ask(question: _Question) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            answer, _ = await process.communicate(json.encode(question))
        return decode_json(answer, list[str])
    except TimeoutError:
        what = f"it can't be compared in {PATIENCE:.0f} s: fewer branches in its unions"
        raise invalid_schema(what) from None
    except ValueError:
        raise invalid_schema("it can't be compared with the one before") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> None:
    """Answer the question on standard input; folding goes first."""
    os.nice(10)
    question = decode_json(sys.stdin.buffer.read(), _Question)
    new, *olds = map(decode_json, (question.new, *question.olds))
    sys.stdout.buffer.write(json.encode(judge(new, olds, question.level)))


if __name__ == "__main__":
    main()
