"""Command line: `checks [FOLDER]` checks the policies of the templates."""

import sys

from checks.policies import main

if __name__ == "__main__":
    sys.exit(main())
