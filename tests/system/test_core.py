#!/usr/bin/python3
"""wharfd itself, at its door: what must hold when it is killed, flooded or asked too much."""
import multiprocessing
import select
import socket

from wharftest import *


class Core:
    """wharfd in a folder of its own; it may be started again."""

    def __init__(self, place):
        self.place = place
        self.process = None

    def start(self):
        self.process = self.place.start(BIN + "/wharfd", "-c", self.place.config, stderr=subprocess.DEVNULL)
        wait_for(self.listens, what="the door")
        return self

    def listens(self):
        try:
            Peer(self.place, "ctl").close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


class Peer:
    """A program at the door."""

    def __init__(self, place, kind, boot="me"):
        self.boot, self.n = boot, 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(f"{place.run}/door/{kind}")
        self.say({"hello": {"peer": kind, "version": 1, "boot": boot}})
        self.welcome = self.hear()["welcome"]

    def close(self):
        self.socket.close()

    def say(self, message):
        self.socket.send(json.dumps(message).encode())

    def hear(self, seconds=20):
        assert select.select([self.socket], [], [], seconds)[0], "no answer"
        return json.loads(self.socket.recv(70000))

    def answer_to(self, id):
        while True:
            word, body = next(iter(self.hear().items()))
            if word != "push" and body.get("id") == id:
                return word, body

    def command(self, kind, id=None, **args):
        self.n += 1
        id = id or f"{self.boot}:{self.n}"
        self.say({"command": {"id": id, "kind": kind, "args": args}})
        return self.answer_to(id)

    def query(self, name, **more):
        self.say({"query": {"id": "q", "name": name, **more}})
        return self.answer_to("q")


def died_at(core, id):
    """As if the last run had ended while it decided this command."""
    core.kill()
    with open(core.place.run + "/poison", "r+b") as f:
        f.write(id.encode() + b"\0")
    core.start()


def test_a_command_that_stops_the_core_twice_is_not_tried_again():
    with Place() as place:
        core = Core(place).start()
        died_at(core, "bad:1")
        died_at(core, "other:1")
        died_at(core, "bad:1")
        word, outcome = Peer(place, "ctl", "other").command("tote_put", tote="T1")
        assert word == "outcome" and outcome["ok"], outcome
        died_at(core, "bad:1")
        peer = Peer(place, "ctl", "bad")
        word, outcome = peer.command("tote_put", tote="T2")
        assert word == "outcome" and not outcome["ok"] and outcome["code"] == "refused", outcome
        assert peer.query("cases")[1]["rows"][0]["kind"] == "poison"
        assert peer.command("tote_put", tote="T3")[1]["ok"]


def flood(place, until, message):
    """A peer that asks and asks, and reads what it gets."""
    peer = Peer(place, "ctl", "flood")
    peer.socket.setblocking(False)
    while not until.is_set():
        for act in (lambda: peer.say(message), lambda: peer.socket.recv(70000)):
            try:
                for _ in range(100):
                    act()
            except BlockingIOError:
                pass
    peer.close()


def test_a_peer_that_never_stops_asking_keeps_nobody_from_a_decision():
    with Place() as place:
        Core(place).start()
        done = multiprocessing.Event()
        floods = [multiprocessing.Process(target=flood, args=(place, done, message)) for message in
                  ({"ping": {"n": 1}}, {"query": {"id": "q", "name": "status"}},
                   {"query": {"id": "q", "name": "stock"}})]
        for process in floods:
            process.start()
        peer = Peer(place, "ctl")
        started = time.monotonic()
        for n in range(20):
            assert peer.command("tote_put", tote=f"T{n}")[1]["ok"]
        took = time.monotonic() - started
        done.set()
        for process in floods:
            process.join()
        # Starved it was more than a second for each; the limit is only a net.
        assert took < 10, took


run_tests(globals())
