"""What a lane remembers between its transactions: valid as long as nobody else took a turn."""

from collections.abc import Iterable, Mapping
from itertools import islice

from app.models.entity import Entity, Ref

# Entities that a lane keeps; past it the memory starts anew, which costs one query.
REMEMBERED = 4096
# Of what was forgotten, the answers whose things are worth loading again before several batches; a thing has about two.
LATELY = 128


class Memory:
    """Things by their references, None for what is known to be missing."""

    def __init__(self) -> None:
        self.known: dict[Ref[Entity], Entity | None] = {}
        self._passing: list[Ref[Entity]] = []  # looked up for one batch: nobody is likely to ask for them again
        self._lately: list[Ref[Entity]] = []

    def missing(self, refs: Iterable[Ref[Entity]]) -> list[Ref[Entity]]:
        """Return the references that must be loaded."""
        return [ref for ref in dict.fromkeys(refs) if ref not in self.known]

    def learn(self, refs: Iterable[Ref[Entity]], found: Iterable[Entity]) -> None:
        """Take in what a query found; what it did not find is missing."""
        answers: dict[Ref[Entity], Entity | None] = dict.fromkeys(refs)
        for entity in found:
            answers[Ref(type(entity), "id", entity.id)] = entity
            answers.update((name, entity) for name in entity.names())
        self.known.update(answers)
        self._passing += [ref for ref in answers if not ref.kind.remembered]

    def forget(self) -> None:
        """Drop everything: somebody else may have written."""
        if self.known:
            latest = (entity for entity in islice(reversed(self.known.values()), LATELY) if entity is not None)
            self._lately = [ref for entity in latest if (ref := Ref(type(entity), "id", entity.id)).kind.remembered]
        self.known = {}
        self._passing = []

    def lately(self) -> list[Ref[Entity]]:
        """Return references to the latest of what was forgotten: it may well be asked for again."""
        return self._lately

    def draft(self) -> "Draft":
        """Open a layer for one batch, which may fail."""
        return Draft(self.known)

    def keep(self, draft: "Draft") -> None:
        """Take over a batch that was committed."""
        for ref in self._passing:
            self.known.pop(ref, None)
        self._passing = []
        if len(self.known) + len(draft.changed) > REMEMBERED:
            self.forget()
        for ref, entity in draft.changed.items():
            if ref.kind.remembered:
                self.known[ref] = entity
            else:
                self.known.pop(ref, None)


class Draft:
    """A memory with the undecided changes of one batch on top; `given_up` says which names a thing went without."""

    __slots__ = ("base", "changed", "given_up")

    def __init__(self, base: Mapping[Ref[Entity], Entity | None]) -> None:
        self.base = base
        self.changed: dict[Ref[Entity], Entity | None] = {}
        self.given_up: dict[str, list[Ref[Entity]]] = {}

    def __getitem__(self, ref: Ref[Entity]) -> Entity | None:
        return self.changed[ref] if ref in self.changed else self.base[ref]

    def holds(self, entity: Entity) -> bool:
        """Tell whether a decision saw this thing, so that it is stored already."""
        ref: Ref[Entity] = Ref(type(entity), "id", entity.id)
        return (self.changed.get(ref) or self.base.get(ref)) is not None

    def put(self, entity: Entity) -> None:
        """Replace one thing, and the names it goes by."""
        ref: Ref[Entity] = Ref(type(entity), "id", entity.id)
        before = self.changed.get(ref) or self.base.get(ref)
        names = entity.names()
        if before is not None:
            for name in before.names():
                if name not in names:
                    self.changed[name] = None
                    self.given_up.setdefault(entity.id, []).append(name)
        self.changed[ref] = entity
        for name in names:
            self.changed[name] = entity

    def handed_over(self) -> set[str]:
        """Return the ids of the things of whose former names another one took some."""
        return {id for id, names in self.given_up.items() if any(self.changed[name] is not None for name in names)}
