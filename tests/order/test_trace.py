#!/usr/bin/python3
"""Nothing leaves a program before the transaction that carries it is on disk: a traced floor, order to truck."""
import re
import struct

import strace
from floor import *

ORDERS = 6 if os.environ.get("WHARF_NIGHTLY") else 2
# What a whole order consists of; one of each at least must be seen, else the trace proves nothing.
KINDS = {"scan", "key", "weight", "print_taken", "print_ended", "divert_request", "divert_taken", "divert_ended",
         "divert_confirm", "hq_down", "hq_acked", "sscc_lease", "load_close", "device_state", "item_put"}
# Modbus: function, and the words of block B (firmware-bridge/plc_map.h) behind its first register.
MODBUS_WRITE_ONE, MODBUS_WRITE_MANY = 6, 16
B_BASE, B_SEQ, B_TRACKING, B_CONFIRM_ACK = 100, 3, 4, 10
BEL = b"\a"


class TracedFloor(Floor):
    """All programs of the box under one tracer; HQ and the virtual hardware are outside."""

    def begin_programs(self):
        self.trace = self.path + "/trace"
        self.tracer = self.start(*strace.words(self.trace), f"{BIN}/wharf", "run", "-c", self.config, env=CALM,
                                 stdout=self.logs, stderr=self.logs)
        wait_for(lambda: self.try_wharf("status"), PATIENCE_S, "wharfd at its door")

    def end(self):
        with open(self.run + "/pids/wharf", encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGTERM)
        self.tracer.wait(PATIENCE_S)
        return list(strace.read(self.trace))


def work(floor):
    """Orders from HQ to the truck."""
    for n in range(1, ORDERS + 1):
        floor.send_order()
        floor.until(lambda now: now["staged_orders"] >= n, "the order in its lane")
    floor.sim("close-loads")
    floor.until(lambda now: now["shipped"] == ORDERS and now["hq_behind"] == 0, "the shipment at HQ")


class Story:
    """The messages of the door in a trace."""

    def __init__(self, calls):
        self.calls, self.disk = calls, strace.Disk(calls)
        self.commands, self.pushes, self.logins, self.heard = {}, [], set(), {}
        for call in calls:
            word, body = strace.message(call)
            if word is None:
                continue
            if call.program == "wharfd" and strace.is_receive(call):
                self.note_question(word, body)
            elif call.program == "wharfd" and word == "push":
                self.pushes.append((call, body))
            elif word == "outcome" and strace.is_receive(call):
                self.heard.setdefault(body["id"], (call, body))

    def note_question(self, word, body):
        if word == "command":
            self.commands[body["id"]] = body
        elif word == "login":
            self.logins.add(body["id"])

    def of_kind(self, kind):
        return [c for c in self.commands.values() if c["kind"] == kind]

    def heard_ok(self, command):
        """Where its sender heard that this command was decided well, after it was on disk."""
        call, outcome = self.heard[command["id"]]
        assert outcome["ok"], outcome
        assert self.disk.ids[command["id"]] < call.left, command
        return call.left

    def sends_of(self, program):
        """What a program sends to anybody but the door and its log."""
        return [c for c in self.calls if c.program == program and strace.is_send(c) and "/log>" not in c.fd
                and not c.data.startswith(b'{"')]


def check_outcomes(story):
    ids = strace.check_answers(story.calls, story.disk, story.logins)
    # A program that ends says so and does not wait.
    for id in set(story.commands) - set(ids):
        assert story.commands[id]["kind"] in ("hq_link", "device_state"), story.commands[id]
    assert len(story.logins) >= 4, story.logins
    kinds = {story.commands[id]["kind"] for id in ids if id in story.commands}
    assert KINDS <= kinds, KINDS - kinds
    return len(ids)


def check_orders_to_devices(story):
    """What a device is told was on disk before: the label's number, the PLC's request."""
    told = {"print": 0, "divert": 0, "weigh": 0}
    for call, push in story.pushes:
        kind = push.get("order")
        if kind is None:
            continue
        told[kind] += 1
        word = {"print": push.get("sscc"), "divert": f'"tracking":{push.get("tracking")}', "weigh": None}[kind]
        if word:
            strace.on_disk(story.disk.holds(word), call, f"{kind} {push['id']}")
    assert min(told.values()) >= ORDERS, told


def check_labels(story):
    """The print queue hears nothing of a job, not even its name, before the job is taken."""
    labels = {push["id"]: push["sscc"] for _, push in story.pushes if push.get("order") == "print"}
    taken = {(c["args"]["job"], c["args"]["attempt"]): story.heard_ok(c) for c in story.of_kind("print_taken")}
    bytes_of = set()
    for call in story.sends_of("wharf-print"):
        for (job, attempt), since in taken.items():
            name, sscc = f"wharf-{job}-{attempt}".encode(), labels[job].encode()
            if name in call.data or sscc in call.data:
                assert since < call.entered, f"label {job} left before it was taken: {call.data[:200]}"
            if sscc in call.data:
                bytes_of.add(job)
        assert not re.search(rb"\^FD.*00\d{18}", call.data) or any(s.encode() in call.data for s in labels.values())
    assert len(bytes_of) == len(labels) >= ORDERS, (bytes_of, labels)


def register_writes(story):
    """(call, first register of block B, words) of each Modbus write."""
    for call in story.sends_of("wharf-plc"):
        if len(call.data) < 12:
            continue
        function, first, value = struct.unpack(">BHH", call.data[7:12])
        if function == MODBUS_WRITE_ONE:
            yield call, first - B_BASE, [value]
        elif function == MODBUS_WRITE_MANY:
            yield call, first - B_BASE, list(struct.unpack(f">{value}H", call.data[13:13 + 2 * value]))


def check_diverts(story):
    """No register of an order is written before it is taken, no confirmation acknowledged before it is kept."""
    orders = {push["id"]: push for _, push in story.pushes if push.get("order") == "divert"}
    taken = {orders[c["args"]["divert"]]["tracking"]: (story.heard_ok(c), orders[c["args"]["divert"]])
             for c in story.of_kind("divert_taken")}
    kept = {c["args"]["seq"]: story.heard_ok(c) for c in story.of_kind("divert_confirm")}
    lanes, seqs, acks = set(), set(), set()
    for call, first, values in register_writes(story):
        if first == B_TRACKING and len(values) >= 3:
            tracking = values[0] << 16 | values[1]
            since, order = taken[tracking]
            assert since < call.entered and values[2] == order["lane"], order
            lanes.add(tracking)
        elif first == B_SEQ and values[0]:
            since = min(since for since, order in taken.values() if order["seq"] == values[0])
            assert since < call.entered, f"sequence {values[0]} before its order was taken"
            seqs.add(values[0])
        elif first == B_CONFIRM_ACK and values[0]:
            assert kept[values[0]] < call.entered, f"confirmation {values[0]} acknowledged before it was kept"
            acks.add(values[0])
    assert len(lanes) == len(seqs) == len(orders) >= ORDERS, (lanes, seqs, orders)
    assert len(acks) >= ORDERS, acks


def check_events(story):
    """The link gets an event, or hears of it, only when it is on disk. What it puts on the wire is encrypted, but it
    has no other source."""
    places, heads = {}, []
    for call in story.calls:
        word, body = strace.message(call) if call.program == "wharfd" and strace.is_send(call) else (None, None)
        if word == "rows" and body["name"] == "outbox":
            for row in body["rows"]:
                id = json.loads(row["bytes"])["id"]
                strace.on_disk(story.disk.ids.get(id), call, f"event {row['n']}")
                places[row["n"]] = story.disk.ids[id]
        elif word == "push" and body["topic"] == "outbox":
            heads.append((call, body["head"]))
    assert len(places) >= 10 * ORDERS and set(places) == set(range(1, max(places) + 1)), places
    for call, head in heads:
        assert head == 0 or places[head] < call.entered, f"event {head} was announced before it was on disk"
    assert heads[-1][1] == max(places)


def check_beeps(story):
    """A scanner beeps for an answer that was heard, never ahead of one."""
    answers = beeps = 0
    for call in story.calls:
        if call.program != "wharf-bridge":
            continue
        word, body = strace.message(call)
        if word == "outcome" and strace.is_receive(call):
            answers += body["signal"] != "none"
        elif strace.is_send(call) and "/dev/pts/" in call.fd and call.data and set(call.data) == set(BEL):
            beeps += 1
            assert beeps <= answers, "a beep ahead of its answer"
    assert beeps >= ORDERS, beeps


def test_nothing_leaves_before_its_transaction_is_on_disk():
    with TracedFloor() as floor:
        floor.begin()
        work(floor)
        story = Story(floor.end())
        outcomes = check_outcomes(story)
        for check in (check_orders_to_devices, check_labels, check_diverts, check_events, check_beeps):
            check(story)
        print(f"{outcomes} outcomes, {len(story.disk.pages)} pages, {len(story.calls)} calls")


if not strace.works():
    skip("strace does not work here")
run_tests(globals())
