"""`python -m gridwatch`: the command line."""

from gridwatch.cli import main

main()
