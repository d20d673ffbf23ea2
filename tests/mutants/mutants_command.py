"""`make mutants`: change the code in small ways, and list the changes that no test notices.

Cosmic Ray makes the mutants and keeps the results (build/mutants/*.sqlite); it runs in an
environment of its own, since it needs other versions than the product. The committed code is
mutated, in a work tree of its own (build/mutants/tree). No test needs a broker.

PACKAGES="windows replay" names packages, SAMPLE=100 SEED=1 takes so many mutants of each at
random, CHANGED=main those of lines that differ from a commit, MINUTES=3 ends after so long; the
next call goes on with the rest (`rm -r build/mutants` to start over). The order is the seed's:
those tested are a random sample whenever it ends. MAP=new first makes a map of the lines that
each test reaches, so that each mutant is tested by those alone: without it, by all tests of its
package.
"""

import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

ROOT = Path.cwd()
BUILD = ROOT / "build" / "mutants"
TREE = BUILD / "tree"
MAP = BUILD / "map"
TOOLS = Path(sys.executable).parent

#: The Python of the product.
PYTHON = Path(sys.argv[1]).absolute()

#: Attacks on the protection of the web server; other attacks run every pipeline.
_ATTACKS = " ".join(
    f"tests/attacks/test_{name}.py"
    for name in (
        "forged_sessions",
        "replayed_peer_requests",
        "request_floods",
        "undeclared_proxies",
    )
)

#: Readers of live events have shares of the event loop too.
_SHARES = "tests/unit/web/live/test_live_event_share.py"

#: Package → its code, and the directories of its tests.
PACKAGES = {
    "windows": ("eventfold/windows", "tests/unit/windows tests/unit/engine tests/topology"),
    "aggregates": ("eventfold/aggregates", "tests/unit/aggregates tests/unit/engine"),
    "replay": ("eventfold/replay", "tests/unit/replay tests/topology/test_replay_start.py"),
    "protection": ("eventfold/web/protection", f"tests/unit/web/protection {_SHARES} {_ATTACKS}"),
    "engine": ("eventfold/engine", "tests/unit/engine tests/unit/kafka tests/topology"),
}

#: Time-out (s) of a mutant's tests: covering_tests.py takes care not to need it.
TIMEOUT = 600.0

#: How many examples a property test draws for a mutant, the same ones each time.
EXAMPLES = "20"

#: How tests are run for the map.
PYTEST = (
    *("pytest", "-q", "--timeout=0", "--durations=0", "--hypothesis-profile=mutants"),
    *("-p", "no:schemathesis", "--cov-context=test", "--cov-report="),
    "--ignore=tests/unit/web/protection/test_signing_in.py",
)

CONFIG = """
[cosmic-ray]
module-path = {code}
timeout = 0
excluded-modules = []
test-command = "see _run"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.git-filter]
branch = "{base}"
"""

#: One change of each kind is enough: an operator to its neighbour, a bound to the next.
EXCLUDED = re.compile(
    r"core/(RemoveDecorator|ReplaceUnaryOperator_(USub_(?!UAdd)|Delete_USub)"
    r"|ReplaceBinaryOperator_(?!(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_FloorDiv"
    r"|LShift_RShift|RShift_LShift|BitAnd_BitOr)$)"
    r"|ReplaceComparisonOperator_(?!(Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Eq_NotEq|NotEq_Eq|Is_IsNot"
    r"|IsNot_Is)$))"
)

#: A named limit, such as seconds to wait or bytes to accept: its exact value does not matter, and a
#: test of it would only repeat the number.
LIMIT = re.compile(
    r"_?[A-Z][A-Z0-9_]*(, _?[A-Z][A-Z0-9_]*)*(: \w+)? = |.*\b(timeout(_ms)?|maxsize)=\d"
)

#: Code that changes no result: imports for type checkers, layouts of records, and checks that lists
#: have one length.
SILENT = re.compile(r"if TYPE_CHECKING:|class .*\bgc=|@dataclass|.*\bzip\(.*strict=True")


def main() -> int:
    """Return 0: a survivor is for a developer to examine."""
    base = os.environ.get("CHANGED", "")
    minutes = float(os.environ.get("MINUTES", "inf"))
    end = time.monotonic() + 60 * minutes
    _make_tree()
    if os.environ.get("MAP") == "new":
        _make_map()
    for name in _packages():
        session = BUILD / f"{name}{_part(base)}.sqlite"
        code = _changed(PACKAGES[name][0], base) if base else [PACKAGES[name][0]]
        if not code:
            continue
        if base or not session.exists():
            _new_session(name, session, code, base)
        _run(name, session, end)
        _report(name, session)
    return 0


def _part(base: str) -> str:
    """Name the selected part of a package's mutants: each has results of its own."""
    if base:
        return "-changed"
    sample = os.environ.get("SAMPLE")
    return f"-{sample}-{os.environ.get('SEED', '1')}" if sample else ""


def _make_tree() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(TREE, ignore_errors=True)
    _git("worktree", "prune")
    _git("worktree", "add", "--quiet", "--detach", str(TREE), "HEAD")


def _make_map() -> None:
    """Run all tests once, and note which lines each reaches and how long it takes."""
    MAP.mkdir(exist_ok=True)
    packages = [PACKAGES[name] for name in _packages()]
    directories = dict.fromkeys(" ".join(tests for _, tests in packages).split())
    code = [f"--cov={code}" for code, _ in packages]
    with (MAP / "durations").open("w") as log:
        subprocess.run(
            [PYTHON, "-m", *PYTEST, *code, *directories],
            cwd=TREE,
            env=os.environ | {"COVERAGE_FILE": str(MAP / "coverage"), "MUTANTS_EXAMPLES": "5"},
            stdout=log,
            # Failures are in the log; those tests are not used for mutants.
            check=False,
        )


def _packages() -> list[str]:
    return os.environ.get("PACKAGES", " ".join(PACKAGES)).split()


def _git(*words: str) -> None:
    subprocess.run(["git", *words], cwd=ROOT, check=True)


def _config(name: str) -> Path:
    return BUILD / f"{name}.toml"


def _changed(code: str, base: str) -> list[str]:
    """Return the files of a package that differ from a commit."""
    command = ["git", "diff", "--name-only", "--diff-filter=d", base, "--", f"{code}/*.py"]
    return subprocess.run(
        command, cwd=TREE, check=True, capture_output=True, text=True
    ).stdout.split()


def _new_session(name: str, session: Path, code: list[str], base: str) -> None:
    _config(name).write_text(CONFIG.format(code=code, base=base))
    session.unlink(missing_ok=True)
    _tool("cosmic-ray", "init", _config(name), session)
    if base:
        _tool("cr-filter-git", session, "--config", _config(name))
    # All at once: the tool that excludes operators takes minutes for them.
    with use_db(session) as db:
        pending = sorted(db.pending_work_items, key=_where)
        chosen = [item for item in pending if not _is_excluded(item)]
        if "SAMPLE" in os.environ:
            chosen = _shuffled(chosen)[: int(os.environ["SAMPLE"])]
        kept = {item.job_id for item in chosen}
        others = [item.job_id for item in pending if item.job_id not in kept]
        db.set_multiple_results(others, WorkResult(WorkerOutcome.SKIPPED, output="not asked for"))


@cache
def _code(path: Path) -> list[str]:
    return path.read_text().splitlines()


def _is_excluded(item: WorkItem) -> bool:
    (mutation,) = item.mutations
    if EXCLUDED.match(mutation.operator_name):
        return True
    row, column = mutation.start_pos
    line = _code(TREE / mutation.module_path)[row - 1]
    if SILENT.match(line):
        return True
    if "_Mul_" in mutation.operator_name:
        # The star of a signature or a call is no multiplication.
        return line[column + 1 : column + 2] != " "
    return mutation.operator_name == "core/NumberReplacer" and bool(LIMIT.match(line))


def _shuffled(items: list[WorkItem]) -> list[WorkItem]:
    """Return items in an order that depends only on the seed and the code."""
    ordered = sorted(items, key=_where)
    random.Random(int(os.environ.get("SEED", "1"))).shuffle(ordered)
    return ordered


def _where(item: WorkItem) -> tuple[str, tuple[int, int], str, int]:
    (mutation,) = item.mutations
    place = str(mutation.module_path), tuple(mutation.start_pos)
    return *place, mutation.operator_name, mutation.occurrence


def _run(name: str, session: Path, end: float) -> None:
    """Test mutants that have no result yet; the rest at the end is for the next call."""
    directories = PACKAGES[name][1].split()
    os.chdir(TREE)
    with use_db(session, WorkDB.Mode.open) as db, _warm(directories) as warm:
        pending = {item.job_id for item in db.pending_work_items}
        for item in _shuffled(list(db.work_items)):
            rest = end - time.monotonic()
            if rest <= 0:
                return
            if item.job_id not in pending:
                continue
            try:
                result = _tested(item, warm, directories, rest)
            except AttributeError as error:
                # Cosmic Ray replaces no exception of which the name has a dot.
                result = WorkResult(WorkerOutcome.EXCEPTION, output=repr(error))
            if result is not None:
                db.set_result(item.job_id, result)


@contextmanager
def _warm(directories: list[str]) -> Iterator[Any]:
    """Run warm_runs.py in the product's environment, until the `with` is over."""
    # A change within a second of another one would be taken for the same code.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "MUTANTS_EXAMPLES": EXAMPLES}
    command = [PYTHON, "tests/mutants/warm_runs.py", *directories]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as warm:
        try:
            # No code is mutated before everything is imported.
            if not warm.stdout.readline():
                sys.exit(f"no mutant can be tested: see {BUILD / 'pytest.log'}")
            yield warm
        finally:
            warm.stdin.close()


def _tested(item: WorkItem, warm: Any, directories: list[str], rest: float) -> WorkResult | None:
    """Return the result of a mutant; None if there was no time for it."""
    (mutation,) = item.mutations
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    with use_mutation(mutation.module_path, operator, mutation.occurrence) as (_, mutated):
        if mutated is None:
            return WorkResult(WorkerOutcome.NO_TEST)
        diff = _git_diff()
        asked = {
            "path": str(mutation.module_path),
            "lines": _lines(diff),
            "directories": directories,
            "seconds": min(TIMEOUT, rest),
        }
        warm.stdin.write(json.dumps(asked) + "\n")
        warm.stdin.flush()
        code = json.loads(warm.stdout.readline())
    if code is None and rest < TIMEOUT:
        return None
    outcome = TestOutcome.SURVIVED if code == 0 else TestOutcome.KILLED
    return WorkResult(WorkerOutcome.NORMAL, output=str(code), test_outcome=outcome, diff=diff)


def _git_diff() -> str:
    command = ["git", "diff", "-U0"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _lines(diff: str) -> list[int]:
    """Return the numbers of the changed lines in the original file."""
    hunks = re.findall(r"^@@ -(\d+)(?:,(\d+))?", diff, re.MULTILINE)
    return [int(first) + n for first, count in hunks for n in range(int(count or 1))]


def _tool(name: str, *words: object) -> None:
    subprocess.run([TOOLS / name, *map(str, words)], cwd=TREE, check=True)


def _report(name: str, session: Path) -> None:
    with use_db(session, WorkDB.Mode.open) as db:
        items = {item.job_id: item for item in db.work_items}
        tested = {job: r for job, r in db.results if r.worker_outcome is WorkerOutcome.NORMAL}
        left = sum(1 for _ in db.pending_work_items)
    survived = [job for job, r in tested.items() if r.test_outcome is TestOutcome.SURVIVED]
    for job in sorted(survived, key=lambda job: _where(items[job])):
        _print_lines(*_diff(tested[job].diff or ""))
    killed = len(tested) - len(survived)
    share = f", {_share(killed, len(tested))} killed" if tested else ""
    rest = f", {left} not tested for want of time" if left else ""
    _print_lines(f"{name}: {len(tested)} mutants{share}, {len(survived)} survived{rest}")


def _share(killed: int, tested: int) -> str:
    """Return a share with its confidence interval: Wilson's, 95 %."""
    z, share = 1.96, killed / tested
    middle = share + z * z / (2 * tested)
    width = z * math.sqrt(share * (1 - share) / tested + z * z / (4 * tested * tested))
    low, high = ((middle + sign * width) / (1 + z * z / tested) for sign in (-1, 1))
    return f"{share:.1%} ({low:.0%} to {high:.0%})"


def _diff(text: str) -> Iterator[str]:
    """Return where a mutant is, and its change."""
    for line in text.splitlines():
        if line.startswith("@@") or (line[:1] in "+-" and line[:3] not in ("+++", "---")):
            yield f"    {line}"
        elif line.startswith("--- a/"):
            yield line.removeprefix("--- a/")


def _print_lines(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201  # what a command is for


if __name__ == "__main__":
    sys.exit(main())
