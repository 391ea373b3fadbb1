"""What tests of the log share: a bus with a leader, clients that start later, looking at the end."""

from dataclasses import dataclass

from paxos_lab import MessageBus
from paxos_lab.multipaxos import Append, Client, ReadingServer, Server, replicated_log


@dataclass
class Drifting(ReadingServer):
    """A server whose timers take `rate` times as long as they should."""

    rate: float = 1.0

    def set_timer(self, timer, delay):
        super().set_timer(timer, delay * self.rate)


def appends(clients, each=4):
    """Every client appends words of its own to one key."""
    return [[Append("k", f"{c}.{i} ") for i in range(each)] for c in range(clients)]


def clients_of(bus):
    return [node for node in bus if isinstance(node, Client)]


def servers_of(bus):
    return [node for node in bus if isinstance(node, Server)]


def done(bus):
    return all(client.done for client in clients_of(bus))


def leader_of(bus):
    """The leader, if there is exactly one."""
    leading = [server.name for server in servers_of(bus) if server.role == "leader"]
    return leading[0] if len(leading) == 1 else None


def others_of(bus, *but):
    return [server.name for server in servers_of(bus) if server.name not in but]


def run_for(bus, time):
    end = bus.now + time
    bus.run(until=lambda bus: bus.now >= end, max_steps=100_000)


def started(operations, servers=3, seed=0, delay=(0.5, 1.5), **settings):
    """A bus with a leader whom all know, and the clients still idle."""
    nodes = replicated_log(operations, servers, **settings)
    clients = [node.name for node in nodes if isinstance(node, Client)]
    bus = MessageBus(nodes, seed=seed, delay=delay, idle=clients, checked=False)
    bus.run(until=leader_of, max_steps=2000)
    run_for(bus, 5)
    return bus


def start_clients(bus):
    for client in clients_of(bus):
        bus.start(client.name)


def texts(bus):
    """What the servers have under the key of `appends`: one text if they agree."""
    return {server.machine.data.get("k", "") for server in servers_of(bus)}


def deliver(bus, kind, to=(), sender=None):
    """Deliver what is in flight of that kind, to those names only, and nothing else; some there has to be."""
    found = [
        e for e in bus.in_flight if type(e.message) is kind and e.to in to and sender in (None, e.sender)
    ]
    assert found, f"no {kind.__name__} to {to} is in flight"
    for envelope in found:
        bus.deliver(envelope)


def drop_all(bus):
    for envelope in bus.in_flight:
        bus.drop(envelope)
