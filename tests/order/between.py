"""Stands between wharfd and its peers: passes every message of the door on, and does one thing wrong when it is told to."""
import collections
import socket
import threading

from wharftest import *

# A connection of SOCK_SEQPACKET loses, doubles and reorders nothing by itself: a message is lost because its connection
# breaks, comes twice because its sender heard nothing, or is late because somebody was slow.
LOST, LOST_AFTER, TWICE, LATE = FAULTS = "lost", "lost_after", "twice", "late"
LATE_S = 0.5
UP, DOWN = "up", "down"

Sort = collections.namedtuple("Sort", "door way words")


def sort_of(door, way, data, asked):
    """What kind of message it is. `asked`: kinds of the commands by id, so that an answer is one to a kind."""
    word, body = next(iter(json.loads(data).items()))
    if word == "command":
        asked[body["id"]] = body["kind"]
    detail = {"command": "kind", "query": "name", "rows": "name", "push": "topic", "subscribe": "topic"}.get(word)
    detail = body.get("order") or body[detail] if detail else asked.get(body.get("id"), "")
    return Sort(door, way, f"{word} {detail}".strip())


class Link:
    """One connection of a peer, and ours to the core for it."""

    def __init__(self, between, door, peer):
        self.between, self.door, self.peer = between, door, peer
        self.asked = {}
        self.core = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self.core.connect(f"{between.core_run}/door/{door}")
        except OSError:
            self.core.close()
            peer.close()
            return
        for way, source, target in ((UP, self.peer, self.core), (DOWN, self.core, self.peer)):
            threading.Thread(target=self.carry, args=(way, source, target), daemon=True).start()

    def carry(self, way, source, target):
        try:
            while data := source.recv(70000):
                if not self.pass_on(way, data, target):
                    break
        except OSError:
            pass
        for end in (self.peer, self.core):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def pass_on(self, way, data, target):
        fault = self.between.fault_for(sort_of(self.door, way, data, self.asked))
        if fault == LOST:
            return False
        if fault == LATE:
            time.sleep(LATE_S)
        target.send(data)
        if fault == TWICE:
            target.send(data)
        return fault != LOST_AFTER


class Between:
    """Listens in `run` for all kinds of peers; wharfd is in `core_run`."""

    def __init__(self, run, core_run):
        self.core_run = core_run
        self.lock = threading.Lock()
        self.seen, self.plans = collections.Counter(), []
        os.makedirs(run + "/door", exist_ok=True)
        for door in DOORS:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            listener.bind(f"{run}/door/{door}")
            listener.listen(32)
            threading.Thread(target=self.accept, args=(door, listener), daemon=True).start()

    def accept(self, door, listener):
        while True:
            Link(self, door, listener.accept()[0])

    def arm(self, plans=()):
        """From now on the messages are counted anew, and the counts until now are told. `plans`: each a (sort, which one
        of them from 0, fault) that happens once."""
        with self.lock:
            seen, self.seen = self.seen, collections.Counter()
            self.plans = list(plans)
        return seen

    def fault_for(self, sort):
        with self.lock:
            n = self.seen[sort]
            self.seen[sort] += 1
            for plan in self.plans:
                if plan[:2] == (sort, n):
                    self.plans.remove(plan)
                    return plan[2]
            return None
