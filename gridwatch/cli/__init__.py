"""Composition root: the command line puts the houses together."""


def main() -> None:
    """Run the command line."""
