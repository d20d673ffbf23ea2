"""Every Kafka client of the product connects with the same settings."""

import ast
from itertools import chain
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

#: The embedded broker's check of itself, at its open listener.
EXEMPT = {"eventfold/embedded/ready.py"}
CLIENTS = {"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient"}
OPTIONS = {"client_options", "security_options"}


def name_of(call: ast.expr) -> str | None:
    """Return the name of the function that is called, None if there is none."""
    called = call.func if isinstance(call, ast.Call) else None
    return called.id if isinstance(called, ast.Name) else None


def test_every_client_is_created_with_the_options_of_the_settings() -> None:
    """One without them could not connect to brokers that demand TLS or a login."""
    found, without_options = 0, []
    for path in chain(*((REPOSITORY / name).rglob("*.py") for name in ("eventfold", "app"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if name_of(node) not in CLIENTS:
                continue
            spread = {name_of(each.value) for each in node.keywords if each.arg is None}
            found += 1
            if not spread & OPTIONS and str(path.relative_to(REPOSITORY)) not in EXEMPT:
                without_options.append(f"{path.relative_to(REPOSITORY)}:{node.lineno}")
    assert found > len(EXEMPT)
    assert without_options == []
