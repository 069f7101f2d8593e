"""The command ``station``. Kept bare, because every spawned child imports it again."""

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    from station.cli import app

    app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
