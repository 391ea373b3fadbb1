"""Exercise 11: answers and what the checks must say to them."""

IMPORTS = "import math\nfrom fractions import Fraction\n"

SOLUTIONS = {
    "cost.basic": "def basic(n):\n    return 4 * n, 2 * n + 1, 4\n",
    "cost.leader": "def with_leader(n):\n    return 3 * (n - 1), n, 4\n",
    "cost.quorum": "def answer_after(n, q2, far, way):\n    if q2 == 1:\n        return 2\n    return 2 + 2 * (1 if q2 - 1 <= n - 1 - far else way)\n",
    "cost.throughput": "def throughput(alpha, batch, clients):\n    return min(alpha * batch / 2, clients / 4)\n",
    "cost.choose": "ALPHA = 2\nBATCH = 4\n",
    "cost.batching": "def send_now(waiting, under_way, alpha):\n    return 0 if under_way else waiting\n",
}  # fmt: skip

WRONG = {
    "cost.basic": {
        "without the round": ({"2 * n + 1": "2 * n"}, "The proposer writes its round"),
        "votes only": ({"2 * n + 1": "n"}, "an acceptor its promise and its vote"),
        "phase 2 only": ({"4 * n, 2 * n + 1, 4": "2 * n, n, 2"}, "3 Prepare, 3 Promise, 3 Accept, 3 Accepted"),
        "two delays": ({"1, 4": "1, 2"}, "One after the other: Prepare, Promise, Accept, Accepted"),
        "the proposer is one of them": ({"4 * n": "4 * (n - 1)"}, "messages is 8, and 12 were counted"),
        "a majority": ({"4 * n": "4 * (n // 2 + 1)"}, "messages is 8, and 12 were counted"),
        "one number": ({", 2 * n + 1, 4": ""}, "three numbers are wanted"),
        "not a number": ({"2 * n + 1": "math.nan"}, "writes is nan"),
    },
    "cost.leader": {
        "two delays": ({"n, 4": "n, 2"}, "Until the leader knows that it is chosen it is two"),
        "no Chosen": ({"3 * (n - 1)": "2 * (n - 1)"}, "2 Accept, 2 Accepted, 2 Chosen"),
        "to itself as well": ({"3 * (n - 1)": "3 * n"}, "What the leader tells itself is not a message"),
        "a majority writes": ({"n, 4": "n // 2 + 1, 4"}, "Each server that votes writes its vote"),
        "one write": ({"n, 4": "1, 4"}, "the leader too"),
        "the followers write": ({"n, 4": "n - 1, 4"}, "the leader too"),
        "the client's too": ({"3 * (n - 1)": "3 * (n - 1) + 2"}, "messages is 8, and 6 were counted"),
    },
    "cost.quorum": {
        "the nearest": ({"(1 if q2 - 1 <= n - 1 - far else way)": "1"}, "is 4, and 10 was measured"),
        "the farthest": ({"(1 if q2 - 1 <= n - 1 - far else way)": "(way if far else 1)"}, "is 10, and 4 was measured"),
        "not counting itself": ({"q2 - 1 <=": "q2 <="}, "The leader votes itself at once"),
        "without the client": ({"return 2 + 2": "return 2"}, "is 2, and 4 was measured"),
        "one way": ({"2 + 2 * (1 if": "2 + (2 if", "else way)": "else 1 + way)"}, "was measured"),
    },
    "cost.throughput": {
        "the window only": ({"min(alpha * batch / 2, clients / 4)": "alpha * batch / 2"}, "all clients were waiting"),
        "the clients only": ({"min(alpha * batch / 2, clients / 4)": "clients / 4"}, "the window was the limit"),
        "clients wait for two": ({"clients / 4": "clients / 2"}, "A client waits 4 units for an answer"),
        "a slot for four": ({"batch / 2": "batch / 4"}, "A slot is open for one round trip, 2 units"),
        "a slot for one": ({"batch / 2": "batch"}, "A slot is open for one round trip, 2 units"),
        "no batch": ({"alpha * batch": "alpha"}, "the window was the limit"),
    },
    "cost.choose": {
        "a window too wide": ("ALPHA, BATCH = 4, 4", "held 2.0 commands on average, of 4 that fit"),
        "wide and large": ("ALPHA, BATCH = 16, 8", "16 open slots share them"),
        "the lesson's example": ("ALPHA, BATCH = 4, 1", "Too slow"),
        "a batch and no window": ("ALPHA, BATCH = 1, 4", "Too slow"),
        "a window and no batch": ("ALPHA, BATCH = 8, 1", "held 1.0 commands on average, of 1 that fit."),
        "a bit narrow": ("ALPHA, BATCH = 2, 3", "2 x 3 commands fit into the window"),
        "no number": ("ALPHA, BATCH = '2', 4", "a whole number from 1 to 64"),
    },
    "cost.batching": {
        "one at a time": ("def send_now(waiting, under_way, alpha):\n    return 1", "Too slow"),
        "all at once": ("def send_now(waiting, under_way, alpha):\n    return waiting", "Too many messages"),
        "chance": ("def send_now(waiting, under_way, alpha):\n    import random\n    return waiting if not under_way or random.random() < 0.3 else 0", "asked again it is"),
        "remembers": ("asked = []\ndef send_now(waiting, under_way, alpha):\n    asked.append(waiting)\n    return waiting if not under_way or len(asked) % 3 == 0 else 0", "asked again it is"),
        "waits for eight": ("def send_now(waiting, under_way, alpha):\n    return waiting if waiting >= 8 else 0", "a command waits for ever"),
        "waits for two": ("def send_now(waiting, under_way, alpha):\n    return waiting if waiting > 1 else 0", "a command waits for ever"),
        "no more than four": ("def send_now(waiting, under_way, alpha):\n    return 0 if under_way else min(waiting, 4)", "Too slow"),
        "more than wait": ("def send_now(waiting, under_way, alpha):\n    return 0 if under_way else waiting + 1", "a whole number from 0 to 1"),
        "yes": ("def send_now(waiting, under_way, alpha):\n    return under_way == 0", "a whole number from 0 to 1"),
    },
}  # fmt: skip

RIGHT = {
    "cost.basic": {"solution": ({}, ""), "added up": ("def basic(n):\n    return [n + n + n + n, 1 + n + n, 1 + 1 + 1 + 1]", ""), "with fractions": ("def basic(n):\n    return 4.0 * n, n / 0.5 + 1, 4.0", "")},
    "cost.leader": {"solution": ({}, ""), "added up": ("def with_leader(n):\n    others = n - 1\n    return [others + others + others, others + 1, 2 + 2]", ""), "with fractions": ("def with_leader(n):\n    return (6 * n - 6) / 2, n / 1, 4.0", "")},
    "cost.quorum": {
        "solution": ({}, ""),
        "by sorting": ("def answer_after(n, q2, far, way):\n    return 2 + 2 * sorted([0] + [1] * (n - 1 - far) + [way] * far)[q2 - 1]", ""),
        "by case": ("def answer_after(n, q2, far, way):\n    return 2 if q2 == 1 else 4 if q2 + far <= n else 2 * (way + 1)", ""),
    },
    "cost.throughput": {
        "solution": ({}, ""),
        "in quarters": ("def throughput(alpha, batch, clients):\n    return 0.25 * min(2 * alpha * batch, clients)", ""),
        "fractions": ("def throughput(alpha, batch, clients):\n    return min(Fraction(alpha * batch, 2), Fraction(clients, 4))", ""),
        "by case": ("def throughput(alpha, batch, clients):\n    return clients / 4 if clients < 2 * alpha * batch else alpha * batch / 2", ""),
    },
    "cost.choose": {"solution": ({}, ""), "one slot": ("ALPHA, BATCH = 1, 8", ""), "room to spare": ("ALPHA, BATCH = 2, 16", ""), "just enough": ("ALPHA, BATCH = 1, 7", "By the formula 1 x 7 / 2 = 3.5 per unit, which is enough; in the run a slot held 6.7 of 7")},
    "cost.batching": {
        "solution": ({}, ""),
        "a large batch at once": ("def send_now(waiting, under_way, alpha):\n    return waiting if not under_way or waiting >= 4 else 0", ""),
        "two slots": ("def send_now(waiting, under_way, alpha):\n    return waiting if under_way < min(2, alpha) else 0", ""),
        "by if": ("def send_now(waiting, under_way, alpha):\n    if under_way > 0: return 0\n    return waiting", ""),
    },
}  # fmt: skip
