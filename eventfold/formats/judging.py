"""Compatibility check in a process of its own, with a time-out.

Two schemas of 56 kB whose unions have hundreds of branches keep Avro's library busy for minutes.
"""

import asyncio
import os
import sys
from http import HTTPStatus

from msgspec import Struct, json

from eventfold.decoding import decode_json
from eventfold.formats.compatibility import Level, judge
from eventfold.formats.errors import RegistryError, invalid_schema

#: Largest size of a schema in bytes.
MOST_BYTES = 65_536

#: Seconds that a check may wait for its turn, and then take.
PATIENCE = 10.0

#: One check at a time: more would only compete for the processor.
_turn = asyncio.Lock()


class _Question(Struct):
    new: str
    olds: list[str]
    level: Level


async def judged(new: str, olds: list[str], level: Level) -> list[str]:
    """Return why a schema may not follow others (texts, oldest first) under a level.

    Raises RegistryError: 42201 if it has too many branches to be compared in time, 50003 if other
    checks take too long.
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
    """Raise RegistryError (42201) if a schema has more than `MOST_BYTES` bytes."""
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
    """Answer the question on standard input, at a lower priority than the worker's."""
    os.nice(10)
    question = decode_json(sys.stdin.buffer.read(), _Question)
    new, *olds = map(decode_json, (question.new, *question.olds))
    sys.stdout.buffer.write(json.encode(judge(new, olds, question.level)))


if __name__ == "__main__":
    main()
