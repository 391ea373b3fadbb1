"""A model checker of seventy lines that shares no code with the explorer: it judges the explorer.

It knows of a role only the four hooks and the outbox, and of the world only what the lessons say:
whatever was sent may arrive at any time and again; timers ring and nodes crash as often as allowed; a
crash keeps the fields on disk; it may also hit between the disk and the sends. It deep-copies nodes,
compares their printed fields, and is slow.
"""

import copy
import dataclasses
from collections import deque


def printed(value):
    """A text that is equal for equal values, whatever the order in which they were filled."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{printed(k)}:{printed(v)}" for k, v in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ",".join(sorted(map(printed, value))) + "}"
    if isinstance(value, list | tuple):
        return "(" + ",".join(map(printed, value)) + ")"
    return repr(value)


class Oracle:
    """`run(most)` gives (sentence or None, events to the break, states, complete)."""

    def __init__(self, nodes, judge, faults):
        self.nodes, self.judge, self.faults = nodes, judge, faults
        self.fields = [[f.name for f in dataclasses.fields(node)] for node in nodes]
        self.known = {}  # (node, its text, what happens) -> (text after, timers, what was sent)
        self.standing = {}  # (node, its text) -> a node that looks like that

    def text(self, i, node):
        text = printed([getattr(node, name) for name in self.fields[i]])
        self.standing.setdefault((i, text), node)
        return text

    def hook(self, i, local, hook, *arguments):
        """The local state after a hook, and the messages sent."""
        text, timers, _ = local
        if (i, text, timers, hook, arguments) not in self.known:
            node = copy.deepcopy(self.standing[i, text])
            node.__dict__.pop("_outbox", None)
            getattr(node, hook)(*arguments)
            after, sent = set(timers), []
            for effect in node.outbox:
                match type(effect).__name__:
                    case "Send":
                        sent.append((node.name, effect.to, effect.message))
                    case "SetTimer":
                        after.add(effect.timer)
                    case "CancelTimer":
                        after.discard(effect.timer)
            node.__dict__.pop("_outbox", None)
            self.known[i, text, timers, hook, arguments] = (self.text(i, node), frozenset(after), True), sent
        return self.known[i, text, timers, hook, arguments]

    def crashed(self, i, local):
        node = copy.deepcopy(self.nodes[i])
        for field in dataclasses.fields(node):
            if field.metadata.get("stable"):
                kept = getattr(self.standing[i, local[0]], field.name)
                setattr(node, field.name, copy.deepcopy(kept))
        return self.text(i, node), frozenset(), False

    def happenings(self, state):
        """(node, local state after, messages sent, timeouts used, crashes used) for each event."""
        locals, sent, timeouts, crashes = state
        for i, local in enumerate(locals):
            name, (text, timers, up) = self.nodes[i].name, local
            fragile = crashes and (self.faults.who is None or name in self.faults.who)
            ways = []
            if up:
                ways += [(self.hook(i, local, "receive", s, m), 0) for s, to, m in sent if to == name]
                for timer in timers if timeouts else ():
                    rung = text, timers - {timer}, up
                    ways.append((self.hook(i, rung, "timeout", timer), 1))
            elif self.faults.restarts:
                ways.append((self.hook(i, (text, timers, True), "recover"), 0))
            for (after, messages), used in ways:
                yield i, after, messages, used, 0
                if fragile:
                    yield i, self.crashed(i, after), (), used, 1
            if up and fragile:
                yield i, self.crashed(i, local), (), 0, 1

    def sentence(self, state):
        sent = [(s, m) for s, _, m in state[1]]
        nodes = [self.standing[i, local[0]] for i, local in enumerate(state[0])]
        return self.judge(sent, {node.name: node for node in nodes})

    def run(self, most):
        locals, sent = [], []
        for i, node in enumerate(self.nodes):
            local, messages = self.hook(i, (self.text(i, node), frozenset(), True), "start")
            locals.append(local)
            sent += messages
        start = tuple(locals), frozenset(sent), self.faults.timeouts, self.faults.crashes
        if said := self.sentence(start):
            return said, 0, 1, False
        depth, todo = {start: 0}, deque([start])
        while todo:
            state = todo.popleft()
            locals, sent, timeouts, crashes = state
            for i, after, messages, rung, fell in self.happenings(state):
                new = (
                    (*locals[:i], after, *locals[i + 1 :]),
                    sent.union(messages), timeouts - rung, crashes - fell,
                )  # fmt: skip
                if new not in depth:
                    depth[new] = depth[state] + 1
                    if said := self.sentence(new):
                        return said, depth[new], len(depth), False
                    if len(depth) >= most:
                        return None, None, len(depth), False
                    todo.append(new)
        return None, None, len(depth), True
