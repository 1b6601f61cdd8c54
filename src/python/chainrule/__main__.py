"""`python -m chainrule`: see `chainrule.cli`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    try:
        from .cli._main import main as run

        return run()
    except KeyboardInterrupt:  # while the modules are still being loaded
        return 130


if __name__ == "__main__":
    sys.exit(main())
