"""Check at start of the internals of Faust and aiokafka that we hook into."""

import re
from importlib.metadata import version
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher
from faust.tables.manager import TableManager
from faust.transport.consumer import Consumer

from eventfold.kafka import hooks
from eventfold.kafka.hooks import HookError, check_hooks


def hook_error() -> str:
    """Check hooks that must be rejected; return the one-line error."""
    with pytest.raises(HookError) as caught:
        check_hooks()
    message = str(caught.value)
    assert message.splitlines() == [message]
    return message


def test_the_pinned_versions_have_all_hooks() -> None:
    """`make install` installs the versions that the hooks were written for."""
    check_hooks()


@pytest.mark.parametrize("name", sorted(hooks.VERSIONS))
def test_another_version_is_rejected_with_a_remedy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the package, the version that is needed and the one that was found."""
    monkeypatch.setitem(hooks.VERSIONS, name, "99.1")
    assert hook_error() == (
        f"eventfold needs {name} 99.1, found {version(name)}: pip install {name}==99.1"
    )


@pytest.mark.parametrize("hook", hooks._HOOKS, ids=lambda hook: f"{hook[0].__name__}.{hook[1]}")
def test_a_method_with_other_parameters_is_rejected_by_name(
    hook: tuple[type, str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hooked method, with one parameter more."""
    owner, name, parameters = hook
    changed = tuple((owner, name, (*parameters, "more")) if h is hook else h for h in hooks._HOOKS)
    monkeypatch.setattr(hooks, "_HOOKS", changed)
    assert re.search(rf"\.{owner.__name__}\.{name} is not what it was", hook_error())


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Consumer, "perform_seek"), (TableManager, "on_actives_ready"), (Fetcher, "fetched_records")],
)
def test_a_method_that_was_replaced_is_rejected_by_name(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parameters are compared, not only its name."""

    def other(self: Any, *, renamed: Any) -> None:
        """Do nothing."""

    monkeypatch.setattr(owner, name, other)
    assert f"{owner.__module__}.{owner.__name__}.{name}" in hook_error()


def test_a_missing_method_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of an AttributeError in the middle of a rebalance."""
    monkeypatch.delattr(Fetcher, "fetched_records")
    assert "Fetcher.fetched_records is not what it was" in hook_error()
