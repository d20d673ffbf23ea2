"""The documents as a site: what `make docs` can't see, for it checks links to pages alone."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import eventfold

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_stay_in_the_site(page: str) -> None:
    """A link to a file of the checkout would lead nowhere in the site."""
    links = re.findall(r"\]\(([^)#\s]+)", (DOCS / page).read_text(encoding="utf-8"))
    inside = [link for link in links if not re.match(r"https?:", link)]
    targets = {link: (DOCS / page).parent.joinpath(link).resolve() for link in inside}
    lost = [link for link, at in targets.items() if not (at.is_file() and at.is_relative_to(DOCS))]
    assert lost == []


@pytest.mark.parametrize("page", PAGES)
def test_nested_lists_are_indented_by_four(page: str) -> None:
    """With fewer, the site shows their items as those of the outer list."""
    text = (DOCS / page).read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"^ {1,3}(?:[-*]|\d+\.) .*", prose, re.MULTILINE) == []


def test_every_page_is_in_the_navigation() -> None:
    """A new page is found by its reader, too."""
    site = tomllib.loads((REPOSITORY / "zensical.toml").read_text(encoding="utf-8"))
    assert sorted(pages_of(site["project"]["nav"])) == PAGES


def pages_of(entry: Any) -> list[str]:
    """Return the paths of the pages in an entry of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in pages_of(part)]


#: Directories of the checkout, by which a path in a document is told from other code.
PLACES = {
    *("agents", "app", "bench", "deploy", "docs", "eventfold", "examples", "native", "packaging"),
    *("requirements", "tables", "tests"),
}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "SECURITY.md", *PAGES])
def test_files_named_in_a_document_exist(document: str) -> None:
    """A module that was renamed leaves no stale path behind."""
    at = DOCS / document if document in PAGES else REPOSITORY / document
    named = re.findall(r"`([\w./*-]+)`", at.read_text(encoding="utf-8"))
    paths = {name for name in named if name.partition("/")[0] in PLACES and "/" in name}
    assert [path for path in sorted(paths) if not list(REPOSITORY.glob(path.rstrip("/")))] == []


def test_operators_named_for_contributors_are_modules() -> None:
    """The guide names them without their directory."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (names,) = re.findall(r"`eventfold/engine/`\s\(([^)]+)\)", text)
    modules = re.findall(r"\w+\.py", names)
    assert len(modules) > 3
    assert [name for name in modules if not (REPOSITORY / "eventfold/engine" / name).exists()] == []


def test_table_of_contributing_names_every_package() -> None:
    """Those of the library, and the directories of the checkout; of `app`, one use case."""
    contributing = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    packages = [each.parent for each in REPOSITORY.glob("eventfold/*/__init__.py")]
    assert packages
    named = [f"`eventfold/{each.name}/`" for each in packages]
    named += [f"`{name}/`" for name in ("agents", "tables", "bench", "examples", "native")]
    assert [each for each in named if each not in contributing] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_of_a_document_lead_to_files_of_the_checkout(document: str) -> None:
    """And to headings that are there."""
    links = re.findall(r"\]\(([^)\s]+)", (REPOSITORY / document).read_text(encoding="utf-8"))
    inside = [link.partition("#") for link in links if not re.match(r"https?:", link)]
    assert inside
    assert [path for path, _, _ in inside if not (REPOSITORY / path).exists()] == []
    headings = {
        (path, re.sub(r"[^\w -]", "", each).replace(" ", "-").lower())
        for path, _, at in inside
        if at
        for each in re.findall(r"^#+ (.*)$", (REPOSITORY / path).read_text(), re.MULTILINE)
    }
    assert {(path, at) for path, _, at in inside if at} <= headings


def test_stream_of_the_readme_is_declared_in_ten_lines() -> None:
    """It runs as it stands."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(block, names)  # noqa: S102  # our own page
    assert [each.base_name for each in names["pages"].topics] == ["page-times"]
    assert len([line for line in block.splitlines() if line.strip()]) <= 10


def test_reference_has_every_public_name() -> None:
    """Under its own name, wherever it is defined."""
    reference = (DOCS / "reference.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: eventfold\.(?:[\w.]+\.)?(\w+)$", reference, re.MULTILINE)
    assert set(eventfold.__all__) <= set(named)
