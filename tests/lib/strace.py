"""Reads what strace saw of our programs, and what wharfd may say when. One tracer watches them all (-f): each is
stopped at every call until the tracer has written it down, so in its log a cause stands before its effect."""
import codecs
import collections
import json
import re
import shutil
import subprocess

CALLS = "sendto,sendmsg,write,writev,recvfrom,recvmsg,read,fdatasync,fsync,pwrite64"
LINE = re.compile(r"^(\d+)<([^>]*)> (.*)$", re.S)
RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$", re.S)
CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)", re.S)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
UNFINISHED = " <unfinished ...>"

# `entered` and `left` are places in the log: what was sent is gone when its call is entered, what was received is
# there when its call is left.
Call = collections.namedtuple("Call", "program name fd data result entered left")


def works():
    return shutil.which("strace") and \
        subprocess.run(["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


def words(path):
    """What stands before a command to have it and its children traced into a file."""
    return ["strace", "-f", "--seccomp-bpf", "-y", "--decode-pids=comm", "-s", "70000", "-e", "signal=none", "-e",
            "trace=" + CALLS, "-o", path]


def pieces(lines):
    """(place entered, place left, program, whole text) of each call; the two halves of an interrupted line joined."""
    halves = {}
    for place, line in enumerate(lines):
        match = LINE.match(line.rstrip("\n"))
        if not match:
            continue
        pid, program, text = match.groups()
        resumed = RESUMED.match(text)
        if text.endswith(UNFINISHED):
            halves[pid] = place, text[:-len(UNFINISHED)]
        elif resumed and pid in halves:
            entered, first = halves.pop(pid)
            yield entered, place, program, first + resumed.group(1)
        else:
            yield place, place, program, text


def read(path):
    """All whole calls of a trace, as they were left."""
    with open(path, encoding="latin-1") as f:
        for entered, left, program, text in pieces(f):
            match = CALL.match(text)
            if match:
                name, args, result = match.groups()
                data = b"".join(codecs.escape_decode(part)[0] for part in STRING.findall(args))
                yield Call(program, name, args.split(",", 1)[0], data, int(result), entered, left)


def is_send(call):
    return call.name in ("sendto", "sendmsg", "write", "writev")


def is_receive(call):
    return call.name in ("recvfrom", "recvmsg", "read") and call.result > 0


def message(call):
    """(word, body) of a message of the door; None, None for anything else."""
    if not call.data.startswith(b'{"'):
        return None, None
    try:
        said = json.loads(call.data[:max(call.result, 0)] if is_receive(call) else call.data)
    except ValueError:
        return None, None
    return next(iter(said.items())) if isinstance(said, dict) and len(said) == 1 else (None, None)


class Disk:
    """What wharfd wrote to its log, and from which place in the trace on it was there for good."""

    def __init__(self, calls):
        self.pages, self.synced = [], []
        waiting, self.last_write = [], -1
        for call in calls:
            if call.program != "wharfd" or "wharf.db-wal>" not in call.fd:
                continue
            if call.name == "pwrite64":
                waiting.append(call)
            elif call.name in ("fdatasync", "fsync"):
                assert call.result == 0, "a sync failed"
                self.pages += [(c.data, call.left) for c in waiting]
                self.synced += [(c.entered, call.left) for c in waiting]
                waiting = []
        self.seqs, self.ids = self.index(rb'"seq":(\d+)'), self.index(rb'"id":"([^"]{1,95})"')

    def index(self, pattern):
        found = {}
        for page, place in self.pages:
            for word in re.findall(pattern, page):
                found.setdefault(word.decode("utf-8", "replace"), place)
        return found

    def holds(self, text):
        """The place from which on these bytes were on disk, None if never."""
        text = text.encode()
        return next((place for page, place in self.pages if text in page), None)

    def between(self, place):
        """True where something was written and not yet synced."""
        return any(wrote < place < synced for wrote, synced in self.synced)


def on_disk(durable, call, what):
    assert durable is not None, f"{what} was said and never written"
    assert durable < call.entered, f"{what} was said before it was on disk"


def check_answers(calls, disk, decided_elsewhere=()):
    """Each outcome, and the sequence in any message, was on disk before it was said. Returns the outcomes' ids.
    `decided_elsewhere`: ids of logins, whose journal row has an id of the core's own."""
    ids = []
    for call in calls:
        word, body = message(call) if call.program == "wharfd" and is_send(call) else (None, None)
        if word is None:
            continue
        assert not disk.between(call.entered), f"said between a write and its sync: {call.data[:200]}"
        if word == "outcome":
            on_disk(disk.seqs.get(str(body["seq"])), call, f"the outcome of {body['id']}")
            if body["id"] not in decided_elsewhere:
                on_disk(disk.ids.get(body["id"]), call, f"the command {body['id']}")
            ids.append(body["id"])
        if body.get("as_of"):
            on_disk(disk.seqs.get(str(body["as_of"])), call, f"as_of {body['as_of']} in a {word}")
    return ids
