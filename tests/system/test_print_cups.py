#!/usr/bin/python3
"""wharf-print against a real private cupsd, a fake core at the door and a fake printer on a TCP port.

What must hold: a label leaves only after "taken" was answered; it is printed once; a crash before the
queue had it ends as doubtful, a crash after it is adopted; a dead queue never turns into a second label.
"""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ["WHARF_SOURCE"]
PROGRAM = os.path.join(os.environ["WHARF_BIN"], "wharf-print")
CUPSD = os.path.join(SOURCE, "tests/lib/cupsd.sh")
MESSAGE_MAX = 65537
WAIT_S = 20
SSCC = "340123450000000017"
DATA = {"order": "SO-1", "carrier": "NORTH", "service": "Standard", "pieces": 2, "weight_g": 1200,
        "ship_to": {"name": "Käufer ^XZ ~JA", "zip": "20457", "city": "Hamburg", "country": "DE"}}


def skip(why):
    print("skipped:", why)
    sys.exit(77)


class Printer:
    """Port 9100 of a label printer. While `hold` is set it takes a whole label but does not end its side
    of the connection: the queue's job goes on."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.hold = False
        self.open = {}
        self.labels = []

    def fds(self):
        return [self.listener, *[s for s, got in self.open.items() if not (self.hold and b"^XZ" in got)]]

    def pump(self, ready):
        for s in ready:
            if s is self.listener:
                self.open[s.accept()[0]] = b""
            elif s in self.open:
                data = s.recv(65536)
                self.open[s] += data
                if not data:
                    self.labels.append(self.open.pop(s))
                    s.close()

    def bytes_seen(self):
        return b"".join([*self.labels, *self.open.values()])

    def close(self):
        for s in [self.listener, *self.open]:
            s.close()


class Core:
    """The door's side of one print peer: offers orders, answers commands, remembers what came."""

    def __init__(self, run):
        os.makedirs(os.path.join(run, "door"))
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(os.path.join(run, "door", "print"))
        self.listener.listen(4)
        self.peer = None
        self.commands = []
        self.hellos = []
        self.topics = []
        self.orders = []     # pushed to each subscriber
        self.refuse = []     # kinds refused as busy, once each

    def fds(self):
        return [self.listener] + ([self.peer] if self.peer else [])

    def send(self, message):
        self.peer.send(json.dumps(message).encode())

    def pump(self, ready):
        if self.listener in ready:
            self.peer = self.listener.accept()[0]
        elif self.peer in ready:
            data = self.peer.recv(MESSAGE_MAX)
            if data:
                self.handle(json.loads(data))
            else:
                self.drop()

    def drop(self):
        self.peer.close()
        self.peer = None

    def close(self):
        if self.peer:
            self.drop()
        self.listener.close()

    def handle(self, message):
        (word, body), = message.items()
        if word == "hello":
            self.hellos.append(body)
            self.send({"welcome": {"version": 1, "core": "test", "site": "T", "acked": 0, "as_of": 0,
                                   "accepting": True}})
        elif word == "subscribe":
            self.topics.append(body["topic"])
            for order in self.orders:
                self.push(order)
        elif word == "command":
            self.answer(body)

    def push(self, order):
        self.send({"push": {"topic": "orders/label1", **order}})

    def answer(self, command):
        if command["kind"] in self.refuse:
            self.refuse.remove(command["kind"])
            self.send({"refused": {"id": command["id"], "why": "busy", "say": "later"}})
            return
        self.commands.append(command)
        self.send({"outcome": {"id": command["id"], "ok": True, "code": "noted", "say": "",
                               "signal": "none", "seq": len(self.commands)}})

    def seen(self, kind):
        return [c["args"] for c in self.commands if c["kind"] == kind]


class Print(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="wharf-print.", dir="/tmp")
        os.chmod(self.dir, 0o711)
        self.cups = os.path.join(self.dir, "cups")
        self.printer = Printer()
        self.core = Core(os.path.join(self.dir, "run"))
        self.program = None
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.cups_port = s.getsockname()[1]

    def tearDown(self):
        self.end_program(signal.SIGKILL)
        subprocess.run([CUPSD, "stop", self.cups], check=False)
        self.printer.close()
        self.core.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start_cups(self):
        subprocess.run([CUPSD, "start", self.cups, str(self.cups_port)], check=True,
                       stdout=subprocess.DEVNULL)
        self.add_queue(f"socket://127.0.0.1:{self.printer.port}/?contimeout=5")

    def add_queue(self, uri):
        subprocess.run([CUPSD, "queue", self.cups, str(self.cups_port), "labels-q", uri], check=True)

    def cups_command(self, *words):
        return subprocess.run([words[0], "-h", f"127.0.0.1:{self.cups_port}", *words[1:]], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def start_program(self, timeout_s=20):
        path = os.path.join(self.dir, "wharf.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"[paths]\nrun = {self.dir}/run\n[cups]\nserver = 127.0.0.1:{self.cups_port}\n"
                    "[station pack1]\nkind = pack\nprinter = label1\n"
                    f"[printer label1]\nqueue = labels-q\ntimeout_s = {timeout_s}\n")
        self.program = subprocess.Popen([PROGRAM, "-c", path])

    def end_program(self, sig=signal.SIGTERM):
        code = None
        if self.program:
            self.program.send_signal(sig)
            code = self.program.wait(WAIT_S)
            self.program = None
        if self.core.peer:
            self.core.drop()
        return code

    def wait(self, what, condition):
        end = time.monotonic() + WAIT_S
        while not condition():
            left = end - time.monotonic()
            self.assertGreater(left, 0, f"not in time: {what}; {self.core.commands}")
            fds = self.core.fds() + self.printer.fds()
            ready = select.select(fds, [], [], min(left, 0.05))[0]
            self.core.pump(ready)
            self.printer.pump(ready)

    def wait_ended(self, n=1):
        self.wait("print_ended", lambda: len(self.core.seen("print_ended")) >= n)
        return self.core.seen("print_ended")[n - 1]

    def wait_state(self, state, reason=None):
        self.wait(f"state {state} {reason}", lambda: any(
            s["state"] == state and reason in (None, s["reason"]) for s in
            self.core.seen("device_state")[-1:]))

    def job_names(self):
        """Control files of the spool hold each job's name."""
        spool = os.path.join(self.cups, "spool")
        names = b""
        for name in os.listdir(spool):
            if name.startswith("c"):
                with open(os.path.join(spool, name), "rb") as f:
                    names += f.read()
        return names

    def order(self, job, attempt=1, kind="print"):
        order = {"order": kind, "series": "5f0c33d1-0", "id": job, "attempt": attempt}
        if kind == "print":
            order.update(template="logistic-a6", sscc=SSCC, data=DATA)
        return order


class Printing(Print):
    def test_a_label_is_taken_first_and_printed_once(self):
        self.start_cups()
        self.core.orders = [self.order(7)]
        self.start_program()
        ended = self.wait_ended()
        self.assertEqual((ended["job"], ended["attempt"], ended["result"]), (7, 1, "sent"))
        self.wait("label", lambda: self.printer.labels)
        kinds = [c["kind"] for c in self.core.commands if c["kind"].startswith("print")]
        self.assertEqual(kinds, ["print_taken", "print_ended"])
        self.assertEqual(len(self.printer.labels), 1)
        label = self.printer.labels[0]
        self.assertEqual((label.count(b"^XA"), label.count(b"^XZ"), label.count(b"~")), (1, 1, 0))
        self.assertIn(b">;>800" + SSCC.encode(), label)
        self.assertIn("Käufer _5EXZ _7EJA".encode(), label)
        self.assertEqual(self.core.topics, ["orders/label1"])
        self.wait_state("up")
        self.assertEqual(self.end_program(), 0)

    def test_nothing_leaves_before_taken_is_answered(self):
        self.start_cups()
        self.core.refuse = ["print_taken", "print_ended"]
        self.core.orders = [self.order("j-12", 3)]
        self.start_program()
        self.wait("refusal", lambda: "print_taken" not in self.core.refuse)
        self.assertEqual(self.printer.bytes_seen(), b"")
        ended = self.wait_ended()
        self.assertEqual((ended["job"], ended["attempt"], ended["result"]), ("j-12", 3, "sent"))
        self.assertEqual(len(self.printer.labels), 1)
        self.assertIn(b"wharf-5f0c33d1-0-j-12-3", self.job_names())

    def test_a_repeated_order_and_a_lost_door_do_not_print_again(self):
        self.start_cups()
        self.core.orders = [self.order(7), self.order(7)]
        self.start_program()
        self.wait_ended()
        self.wait_state("up")
        self.core.orders = []
        self.core.commands = [c for c in self.core.commands if c["kind"] != "device_state"]
        self.core.drop()
        self.wait("reconnect", lambda: len(self.core.hellos) == 2)
        self.wait_state("up")
        self.core.push(self.order(8))
        self.assertEqual(self.wait_ended(2)["job"], 8)
        self.wait("two labels", lambda: len(self.printer.labels) == 2)
        self.assertEqual(self.core.hellos[1]["devices"], [{"device": "label1", "state": "up", "reason": ""}])

    def test_a_label_that_cannot_be_rendered_has_failed(self):
        self.start_cups()
        wrong = self.order(7)
        wrong["sscc"] = "340123450000000018"
        self.core.orders = [wrong]
        self.start_program()
        ended = self.wait_ended()
        self.assertEqual(ended["result"], "failed")
        self.assertRegex(ended["evidence"], r"logistic-a6:\d+: AI 00 .*wrong check digit 8, should be 7")
        self.assertEqual(self.printer.bytes_seen(), b"")

    def test_a_queue_that_is_not_there_is_said_and_the_label_has_failed(self):
        self.start_cups()
        self.cups_command("lpadmin", "-x", "labels-q")
        self.core.orders = [self.order(7)]
        self.start_program()
        self.assertEqual(self.wait_ended()["result"], "failed")
        self.wait_state("refused", "no such print queue")

    def test_a_paused_queue_is_a_fault_and_its_label_never_comes_out_late(self):
        self.start_cups()
        self.cups_command("cupsdisable", "labels-q")
        self.core.orders = [self.order(7)]
        self.start_program(timeout_s=1)
        ended = self.wait_ended()
        self.assertEqual(ended["result"], "doubtful")
        self.assertIn("cancelled", ended["evidence"])
        self.wait_state("fault", "paused")
        self.cups_command("cupsenable", "labels-q")
        self.wait_state("up")
        self.core.push(self.order(8))
        self.assertEqual(self.wait_ended(2)["result"], "sent")
        self.assertEqual(len(self.printer.labels), 1)


class Crashes(Print):
    def test_killed_between_taken_and_submit_is_doubtful_and_not_printed(self):
        # No cupsd yet: the label is taken, and cannot have been submitted when the kill comes.
        self.core.orders = [self.order(7)]
        self.start_program()
        self.wait("taken", lambda: self.core.seen("print_taken"))
        self.wait_state("gone", "print server does not answer")
        self.end_program(signal.SIGKILL)
        self.start_cups()
        self.core.orders = [self.order(7, kind="recover")]
        self.start_program()
        ended = self.wait_ended()
        self.assertEqual((ended["job"], ended["attempt"], ended["result"]), (7, 1, "doubtful"))
        self.assertEqual(len(self.core.seen("print_taken")), 1)
        self.assertEqual(self.printer.bytes_seen(), b"")

    def test_killed_after_its_job_was_done_is_adopted_as_sent(self):
        self.start_cups()
        self.core.orders = [self.order(7)]
        self.start_program()
        self.wait_ended()
        self.end_program(signal.SIGKILL)
        # The core did not hear of the end: it asks.
        self.core.orders = [self.order(7, kind="recover")]
        self.start_program()
        self.assertEqual(self.wait_ended(2)["result"], "sent")
        self.assertEqual(len(self.printer.labels), 1)

    def test_a_job_of_an_earlier_database_is_not_taken_for_its_own(self):
        self.start_cups()
        self.core.orders = [self.order(7)]
        self.start_program()
        self.assertEqual(self.wait_ended()["result"], "sent")
        self.end_program(signal.SIGKILL)
        # A new database counts from 1 again, and its job 7 was taken and never submitted.
        self.core.orders = [{**self.order(7, kind="recover"), "series": "0a0b0c0d-0"}]
        self.start_program()
        self.assertEqual(self.wait_ended(2)["result"], "doubtful")
        self.assertEqual(len(self.printer.labels), 1)

    def test_a_job_without_its_document_has_failed(self):
        self.start_cups()
        test = os.path.join(self.dir, "create.test")
        with open(test, "w", encoding="utf-8") as f:
            f.write('{ OPERATION Create-Job\nGROUP operation-attributes-tag\nATTR charset '
                    'attributes-charset utf-8\nATTR language attributes-natural-language en\nATTR uri '
                    'printer-uri $uri\nATTR name requesting-user-name $user\nATTR name job-name '
                    'wharf-5f0c33d1-0-7-1\nSTATUS successful-ok }\n')
        if not shutil.which("ipptool"):
            self.skipTest("needs ipptool (Debian: cups-ipp-utils)")
        subprocess.run(["ipptool", "-q", f"ipp://127.0.0.1:{self.cups_port}/printers/labels-q", test],
                       check=True)
        self.core.orders = [self.order(7, kind="recover")]
        self.start_program()
        ended = self.wait_ended()
        self.assertEqual(ended["result"], "failed")
        self.assertIn("never got its whole document", ended["evidence"])
        self.assertEqual(self.printer.bytes_seen(), b"")


class WhilePrinting(Print):
    def begin(self, **options):
        self.start_cups()
        self.printer.hold = True
        self.core.orders = [self.order(7)]
        self.start_program(**options)
        self.wait("bytes at the printer", lambda: b"^XZ" in self.printer.bytes_seen())

    def test_killed_after_submit_is_adopted_and_followed_to_its_end(self):
        self.begin()
        self.end_program(signal.SIGKILL)
        self.core.orders = [self.order(7, kind="recover")]
        self.start_program()
        self.wait("subscription", lambda: len(self.core.topics) == 2)
        self.wait_state("up")
        self.assertEqual(self.core.seen("print_ended"), [])
        self.printer.hold = False
        self.assertEqual(self.wait_ended()["result"], "sent")
        self.assertEqual(len(self.printer.labels), 1)

    def test_a_printer_that_hangs_makes_its_label_doubtful_and_the_job_is_cancelled(self):
        self.begin(timeout_s=1)
        ended = self.wait_ended()
        self.assertEqual(ended["result"], "doubtful")
        self.assertIn("no end after 1 s", ended["evidence"])
        self.assertIn("cancelled", ended["evidence"])
        self.assertEqual(self.cups_command("lpstat", "-o"), "")

    def test_a_job_that_somebody_cancels_while_it_prints_is_doubtful(self):
        self.begin()
        self.cups_command("cancel", "-a", "labels-q")
        ended = self.wait_ended()
        self.assertEqual(ended["result"], "doubtful")
        self.assertIn("while printing", ended["evidence"])

    def test_the_end_of_the_program_is_quick_and_says_nothing_about_the_label(self):
        self.begin()
        self.assertEqual(self.end_program(signal.SIGTERM), 0)
        self.assertEqual(self.core.seen("print_ended"), [])


def main():
    if not os.access(PROGRAM, os.X_OK):
        skip("wharf-print is not built here")
    if not os.access("/usr/sbin/cupsd", os.X_OK) or not shutil.which("lpadmin"):
        skip("needs cupsd and lpadmin (Debian: cups cups-client)")
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
