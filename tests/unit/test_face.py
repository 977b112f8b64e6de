"""The public face of the package: what `import stillwatch` offers, and what it costs."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import stillwatch


@pytest.mark.parametrize("name", stillwatch.__all__)
def test_every_public_name_is_there_and_described(name: str) -> None:
    """Each name of `__all__` can be had, is the thing of that name, and has a docstring."""
    value = getattr(stillwatch, name)

    assert value is getattr(stillwatch, name)
    assert value.__doc__
    assert name in dir(stillwatch)


def test_types_and_values_tell_of_the_same_names() -> None:
    """What type checkers are told is what is given: the same names from the same places."""
    tree = ast.parse(Path(stillwatch.__file__).read_text("utf-8"))
    (typed,) = [part for part in tree.body if isinstance(part, ast.If)]
    told = {
        alias.asname: getattr(importlib.import_module(str(line.module)), alias.name)
        for line in typed.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }

    assert sorted(stillwatch.__all__, key=str) == sorted(told, key=str)
    assert all(getattr(stillwatch, str(name)) is value for name, value in told.items())


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not public is refused as Python does."""
    with pytest.raises(AttributeError, match="no attribute 'swindle'"):
        _ = stillwatch.swindle


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Neither the package nor the list of commands loads the engine, Arrow or the kernels."""
    heavy = "{'numpy', 'pyarrow', 'duckdb', 'numba', 'scipy'}"
    program = f"import sys, stillwatch, stillwatch.cli.main; print(sorted({heavy} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
