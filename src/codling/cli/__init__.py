"""The command line: parse, configure, one library call, print.

Answers go to stdout, everything else to stderr. A CodlingError is one line on stderr and exit code 2. Heavy imports
live inside the commands, so that ``--help`` is instant.
"""

from codling.cli.app import main

__all__ = ["main"]
