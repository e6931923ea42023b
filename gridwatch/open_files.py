"""How many files and connections this process may have open."""

import resource


def allow_many_files() -> None:
    """Allow as many as the system lets a process ask for: each phone that listens is one.

    Many systems begin with 1,024, and a server that has them all in use accepts nobody.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
