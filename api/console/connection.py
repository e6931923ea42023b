"""The banner that says since when the page is not up to date, and what came meanwhile."""

from nicegui.element import Element

from api.texts import Words


class Connection(Element, component="connection.js"):
    """Watches the browser's own connection; the server tells it of the database."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        names = ("lost", "away", "back", "missed", "nothing")
        self._props["words"] = {name: words(f"banner.{name}") for name in names} | {"close": words("close")}

    def tell_database(self, away: bool) -> None:
        """Say whether the server can't reach the database."""
        self.run_method("setDatabase", away)
