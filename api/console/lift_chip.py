"""In the header: how many lift doors are held now, and the way to let them go."""

from nicegui import ui

from api.console.acting import Acting
from api.console.board import Board
from api.console.feed_list import action_name
from api.texts import Words
from gridwatch.store.board import HeldLift


class LiftChip:
    """A chip that is there while some door is held; it opens the list of them."""

    def __init__(self, board: Board, words: Words, acting: Acting, *, may_release: bool) -> None:
        self._board, self._words, self._acting, self._may = board, words, acting, may_release
        self._shown: list[HeldLift] = []
        self._chip = ui.button(icon="elevator", color=None).props("unelevated dense no-caps")
        self._chip.classes("gw-chip gw-held-chip").set_visibility(False)
        self._dialog = ui.dialog().props(f'aria-label="{words("lifts.title")}"')
        with self._dialog, ui.card().classes("gw-dialog"):
            ui.label(words("lifts.title")).classes("gw-title").props('role="heading" aria-level="2"')
            self._list = ui.element("div").classes("gw-choices")
            ui.button(words("close"), color=None, on_click=self._dialog.close).props("flat no-caps")
        self._chip.on_click(self._dialog.open)

    def show(self) -> None:
        """Show which doors are held now."""
        held = list({lift.id: lift for lift in self._board.lifts.values()}.values())
        if held == self._shown:
            return
        self._shown = held
        self._chip.set_text(self._words("lifts.held", count=len(held)))
        self._chip.set_visibility(bool(held))
        self._list.clear()
        with self._list:
            for lift in held:
                self._row(lift)
            if not held:
                ui.label(self._words("lifts.none"))

    def _row(self, lift: HeldLift) -> None:
        name = lift.name or lift.id
        place = self._board.places.name(lift.area)
        with ui.element("div").classes("gw-lift"):
            ui.label(" · ".join(filter(None, (place, name))))
            if self._may:
                button = ui.button(action_name(self._words, "release"), icon="elevator", color=None)
                button.props("unelevated dense no-caps").classes("gw-primary")
                button.on_click(lambda: self._acting.release(lift.id, name))
