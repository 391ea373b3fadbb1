"""The search to read: breadth first, every state in a dictionary, the learner's class run each time.

Breadth first means that the first broken state found is reached by as few steps as possible.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from paxos_lab.node import RoleError
from paxos_lab.verify.explorer.choices import Act, State, World
from paxos_lab.verify.explorer.fast.hashable import extent
from paxos_lab.verify.explorer.fast.role_runner import explain
from paxos_lab.verify.explorer.properties import Property
from paxos_lab.verify.explorer.result import Found, broken

Watch = Callable[[int, int], None]
MOST_PARTS = 20_000_000  # in the local states together: a bound on memory, should a field grow for ever


def plain_search(
    world: World,
    properties: Iterable[Property],
    max_states: int = 1_000_000,
    watch: Watch = lambda states, depth: None,
) -> Found:
    """Visit every state that can be reached, until a property breaks or `max_states` are known.

    `watch(states, depth)` hears of the progress.
    """
    properties = tuple(properties)
    start = world.begin()
    before: dict[State, tuple[State, Act] | None] = {start: None}
    depth = {start: 0}
    transitions = parts = 0
    if said := broken(properties, *world.seen(start)):
        return Found(1, 0, 0, False, *said, acts=())
    queue = deque([start])
    try:
        while queue:
            state = queue.popleft()
            watch(len(before), depth[state])
            for act in world.acts(state):
                after = _act(world, before, state, act)
                transitions += 1
                if after in before:
                    continue
                before[after] = state, act
                depth[after] = depth[state] + 1
                if said := broken(properties, *world.seen(after)):
                    return Found(
                        len(before), transitions, depth[after], False, *said, acts=_path(before, after)
                    )
                if len(before) >= max_states:
                    return Found(len(before), transitions, depth[after], False, cut="max_states")
                parts += extent(after.locals[world.index[act.node]])
                if parts > MOST_PARTS:
                    return Found(len(before), transitions, depth[after], False, cut="a bound on memory")
                queue.append(after)
    except KeyboardInterrupt:
        return Found(len(before), transitions, depth[state], False, cut="interrupt")
    return Found(len(before), transitions, max(depth.values()), True)


def _act(world: World, before: dict[State, tuple[State, Act] | None], state: State, act: Act) -> State:
    try:
        return world.act(state, act)
    except RoleError as error:
        raise explain(error, world.starts + len(_path(before, state)) + 1) from error


def _path(before: dict[State, tuple[State, Act] | None], state: State) -> tuple[Act, ...]:
    acts: list[Act] = []
    while (step := before[state]) is not None:
        state, act = step
        acts.append(act)
    return tuple(reversed(acts))
