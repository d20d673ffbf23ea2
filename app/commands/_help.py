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
            width = max(len(command) for command, _ in cls.examples)
            lines = [f"  faust -A app {command:<{width}}  {why}" for command, why in cls.examples]
            text = cleandoc(cls.__doc__ or "")
            cls.__doc__ = "\n".join([f"{text}\n", "\b", "Examples:", *map(str.rstrip, lines)])
        super().__init_subclass__(**kwargs)
