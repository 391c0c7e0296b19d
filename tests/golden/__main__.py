"""`python -m golden`: compare with what is expected, or record it anew; see the package's docstring."""

import argparse
import sys
from pathlib import Path

from golden.comparing import differences, record, report, write_texts
from golden.functions import run_functions
from golden.stack_run import run_stacks


def main() -> int:
    """Run every case once; 1 when something differs."""
    parser = argparse.ArgumentParser(prog="golden", description="Does the product still do what it did?")
    parser.add_argument("--record", action="store_true", help="write expected.txt anew instead of comparing")
    parser.add_argument("--texts", type=Path, help="folder for each case's document")
    options = parser.parse_args()
    white, black = run_functions(), run_stacks()
    if options.texts is not None:
        write_texts({**white, **black}, options.texts)
    if options.record:
        record({**white, **black})
        return 0
    found = differences(white, white_box=True) + differences(black, white_box=False)
    sys.stdout.write((report(found) if found else f"{len(white) + len(black)} golden cases are as expected.") + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
