"""Did anything come up that the properties look at? If not, "holds" says next to nothing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from paxos_lab.node import Node
from paxos_lab.verify.explorer.choices import World
from paxos_lab.verify.explorer.properties import Nodes, Property, Sent, looks_at
from paxos_lab.verify.explorer.result import name_of


class Noticed:
    """Watches, as one more property, whether anything that the others read is ever there."""

    def __init__(self, properties: Iterable[Property], nodes: Iterable[Node]) -> None:
        self._births = {node.name: node for node in nodes}
        self._waiting: list[Property] = []
        classes: list[type] = []
        fields: set[str] = set()
        for judge in properties:
            reads = getattr(judge, "reads", None)
            if reads is not None and (reads[0] or reads[1]):
                self._waiting.append(judge)
                classes += reads[0]
                fields |= reads[1]
        look = partial(self._look)  # a bound method takes no marks
        self.judge: Property = looks_at(*dict.fromkeys(classes), fields=fields, monotone=True)(look)

    def _look(self, sent: Sent, nodes: Nodes) -> None:
        if self._waiting:
            sent = list(sent)
            self._waiting = [judge for judge in self._waiting if not self._comes_up(judge, sent, nodes)]

    def _comes_up(self, judge: Property, sent: Sent, nodes: Nodes) -> bool:
        classes, fields, *_ = judge.reads  # type: ignore[attr-defined]
        if any(isinstance(message, classes) for _, message in sent):
            return True
        return any(
            hasattr(node, name) and getattr(node, name) != getattr(self._births[node.name], name)
            for node in nodes.values()
            for name in fields
        )

    def remark(self, world: World) -> str:
        """A sentence to add to "holds", or nothing."""
        if next(world.acts(world.begin()), None) is None:
            return (
                "Nothing can happen after the starts: nobody sent anything, and no timer or crash may come."
            )
        if not self._waiting:
            return ""
        names = " and ".join(map(name_of, self._waiting))
        kinds = dict.fromkeys(kind.__name__ for judge in self._waiting for kind in judge.reads[0])  # type: ignore[attr-defined]
        fields = dict.fromkeys(name for judge in self._waiting for name in sorted(judge.reads[1]))  # type: ignore[attr-defined]
        missing = [f"no {' or '.join(kinds)} was sent"] if kinds else []
        missing += [f"no node's {' or '.join(fields)} changed"] if fields else []
        look = "look" if len(self._waiting) > 1 else "looks"
        return (
            f"But nothing that {names} {look} at ever came up: {', and '.join(missing)}. "
            "So this says nothing about these nodes; use properties of your own."
        )
