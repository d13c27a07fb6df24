#!/usr/bin/python3
"""Every message of the door lost, doubled or late in turn, on a floor of real programs: in the end each order has one
label, one way over the conveyor and one shipment, and both sides' books are equal."""
import collections
import re
import sqlite3

from between import *
from floor import *

NIGHTLY = bool(os.environ.get("WHARF_NIGHTLY"))
ITEM = "TEA-500"
# One fault at a time by night; by day a few orders pass together, each with a fault of its own.
TOGETHER = 1 if NIGHTLY else 4
# Asked again and again, whatever the order does: the first of each stands for all.
POLLS = re.compile(r"(query|rows) |outcome key|command key|prompt/")


class ToldFloor(Floor):
    def __init__(self):
        super().__init__(proxied=True)
        self.between = Between(self.run, self.core_run)
        self.shipped = 0

    def stage(self, orders, plans=()):
        """So many orders go from HQ to their lane while the faults happen. Returns the messages' counts."""
        self.between.arm(plans)
        for _ in range(orders):
            self.send_order(ITEM)
        self.until(lambda now: now["staged_orders"] == self.sent - self.shipped, f"orders in their lane with {plans}")
        wait_for(lambda: not self.between.plans, 10, f"these faults to happen: {self.between.plans}")
        return self.between.arm()

    def ship(self, plans=()):
        self.between.arm(plans)
        self.sim("close-loads")
        self.until(lambda now: now["shipped"] == self.sent and now["hq_behind"] == 0, f"the shipments at HQ with {plans}")
        self.shipped = self.sent
        return self.between.arm()


def fault_list(seen):
    """(sort, n, fault): all of them by night; by day every second sort of message with one fault, all faults by turns."""
    sorts = sorted(seen)
    if not NIGHTLY:
        sorts = [sort for sort in sorts if not POLLS.match(sort.words)][::2]
        return [(sort, 0, FAULTS[i % len(FAULTS)]) for i, sort in enumerate(sorts)]
    return [(sort, n, fault) for sort in sorts for n in range(1 if POLLS.match(sort.words) else seen[sort])
            for fault in FAULTS]


def greeting_list():
    """A connection breaks at a message every order brings, and what is said first on the new one is hit too."""
    breaks = {"bridge": "outcome weight", "plc": "outcome divert_confirm", "print": "push print",
              "sync": "outcome hq_acked", "web": "outcome scan"}
    greetings = [[(Sort(door, DOWN, words), 0, LOST), (Sort(door, way, greeting), 0, fault)]
                 for door, words in breaks.items() for way, greeting in ((UP, "hello"), (DOWN, "welcome"))
                 for fault in (LOST, TWICE, LATE)]
    return greetings if NIGHTLY else greetings[1::8]


def check_books(floor, initial):
    print(floor.prove().strip())
    copy = sqlite3.connect(f"file:{floor.state}/backup/end.db?mode=ro", uri=True)

    def rows(sql):
        return copy.execute(sql).fetchall()
    ids = collections.Counter(json.loads(text)["command"]["id"] for (text,) in rows("SELECT command FROM journal"))
    assert max(ids.values()) == 1, ids.most_common(3)
    assert rows("SELECT max(n), count(*) FROM (SELECT count(*) AS n FROM shipment GROUP BY order_id)") == [(1, floor.sent)]
    assert rows("SELECT max(n) FROM (SELECT count(*) AS n FROM divert GROUP BY plc, tracking)") == [(1,)]
    assert rows("SELECT count(*) FROM label") == [(floor.sent,)]
    assert stock_of(rows) == initial - floor.sent
    copy.close()
    with open(floor.labels, encoding="utf-8") as f:
        printed = collections.Counter(json.loads(line)["sscc"] for line in f)
    assert len(printed) == floor.sent and max(printed.values()) == 1, printed
    for way in ("--audit", "--replay"):
        done = subprocess.run([f"{BIN}/wharfd", way, f"{floor.state}/backup/end.db"], env=CALM, capture_output=True,
                              check=False)
        assert done.returncode == 0, done
    now = floor.status()
    assert now["wrong_lane"] == 0 and now["wrong_scans"] == now["wrong_refused"], now
    return now


def stock_of(rows):
    return rows(f"SELECT coalesce(sum(qty), 0) FROM stock WHERE item = '{ITEM}'")[0][0]


def first_stock(floor):
    floor.wharf("backup", "first.db")
    copy = sqlite3.connect(f"file:{floor.state}/backup/first.db?mode=ro", uri=True)
    qty = stock_of(lambda sql: copy.execute(sql).fetchall())
    copy.close()
    return qty


def in_groups(plans):
    """Faults that happen together: of different doors, as far as there are some."""
    groups = [[] for _ in range(-(-len(plans) // TOGETHER))]
    for i, plan in enumerate(plans):
        groups[i % len(groups)].append(plan)
    return groups


def test_every_message_lost_doubled_or_late_does_no_harm():
    with ToldFloor() as floor:
        floor.begin()
        initial = first_stock(floor)
        # What both orders brought every order brings.
        plans = fault_list(floor.stage(1) & floor.stage(1))
        closing = {sort: n for sort, n in floor.ship().items() if "load_close" in sort.words}
        groups = in_groups(plans)
        for i, group in enumerate(groups):
            floor.stage(len(group), group)
            if i % 4 == 3:
                floor.ship()
        for plan in greeting_list():
            floor.stage(1, plan)
        floor.ship()
        for sort in sorted(closing):
            for fault in FAULTS if NIGHTLY else FAULTS[:1]:
                floor.stage(1)
                floor.ship([(sort, 0, fault)])
        now = check_books(floor, initial)
        print(f"{len(plans)} faults, {floor.sent} orders, {now['default_lane']} to the default lane")


run_tests(globals())
