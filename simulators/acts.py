"""What a scenario is made of: films of its cameras and fires in its woods, each at a time of its own."""

from typing import TypeAlias

from simulators.footage import Film
from simulators.smoulder import Ignition

Act: TypeAlias = Film | Ignition
