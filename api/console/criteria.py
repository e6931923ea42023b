"""Quantities, and the numbers by which a finding was concluded, as people read them."""

import re
from typing import Final

from api.texts import TEXTS, Words

NAME_WITH_COUNT: Final = re.compile(r"(?P<rest>\w+_of)_(?P<of>\d+)")
OF_QUANTITY: Final = ("votes_of", "baseline", "usual", "cusum")
"""What is told of a quantity: `co_ppm_baseline`."""


def criterion_in_words(name: str, value: float, words: Words) -> str:
    """Return what a criterion says, with its unit; one that we have no word for keeps its name."""
    texts = TEXTS[words.language]
    yes = texts["criterion.yes" if value else "criterion.no"]
    given = {"n": _number(value), "share": f"{value:.0%}", "yes": yes, "of": "", "quantity": "", "unit": ""}
    asked = name
    if counted := NAME_WITH_COUNT.fullmatch(name):
        asked, given["of"] = counted["rest"], counted["of"]
    for kind in OF_QUANTITY:
        quantity = asked.removesuffix(f"_{kind}")
        if quantity != asked and (known := texts.get(f"quantity.{quantity}")):
            asked, given = f"quantity_{kind}", given | _parts(known)
    if f"criterion.{asked}" not in texts and (known := texts.get(f"quantity.{asked}")):
        asked, given = "quantity", given | _parts(known)
    text = texts.get(f"criterion.{asked}")
    return f"{name} {given['n']}" if text is None else text.format_map(given)


def quantity_name(name: str, words: Words) -> str:
    """Return what a quantity is called, with its unit; one that we have no word for stays as it is."""
    return TEXTS[words.language].get(f"quantity.{name}", name)


def _parts(known: str) -> dict[str, str]:
    """Part `Temperature °C` into what is measured and its unit."""
    quantity, _, unit = known.rpartition(" ")
    return {"quantity": quantity or unit, "unit": unit if quantity else ""}


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}"
