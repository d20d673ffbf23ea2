"""What `--help` says of a command beside its docstring: examples, as they are typed."""

from inspect import cleandoc
from typing import Any, ClassVar


class Examples:
    """Puts a command's `examples` behind its docstring, before Faust makes its help of it."""

    #: What follows `faust -A app`, each with what it is for (or nothing).
    examples: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Write the examples; click keeps the lines of a paragraph that begins with a backspace."""
        if cls.examples:
            lines = [_line(*example) for example in cls.examples]
            text = cleandoc(cls.__doc__ or "")
            cls.__doc__ = "\n".join([f"{text}\n", "\b", "Examples:", *lines])
        super().__init_subclass__(**kwargs)


def _line(command: str, purpose: str) -> str:
    words = f"faust -A app {command}"
    return f"  {words:<48}  {purpose}".rstrip()
