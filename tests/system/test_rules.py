#!/usr/bin/python3
"""Rules that hold for all peers and all files: who may say what, what is kept of secrets, what the witness says."""
import hashlib
import re

from wharfd_rig import *
from wharftest import *

SOURCE = os.environ.get("WHARF_SOURCE", os.getcwd())
ROLES = ["picker", "packer", "loader", "maintenance", "supervisor", "admin"]
KEY = hashlib.sha256(b"4815162342").hexdigest()


def manual():
    """From docs/door.md: by peer the kinds it may send, and by kind the roles it needs (none: anybody signed on)."""
    with open(SOURCE + "/docs/door.md", encoding="utf-8") as f:
        text = f.read().split("\n## Commands\n")[1].split("\n## Queries\n")[0]
    peers, roles = {kind: set() for kind in DOORS}, {}
    for title, body in re.findall(r"^### From (\w+)(.*?)(?=^### |\Z)", text, re.M | re.S):
        for row in re.findall(r"^\| (`.*?) \|", body, re.M):
            needed = re.search(r"¹ \(([^)]*)\)", row)
            for kind in re.findall(r"`(\w+)`", row):
                peers[title].add(kind)
                roles[kind] = set(needed.group(1).split(", ")) if needed else set()
                for also in re.findall(r"also (?:from )?([\w, ]+)\)", row):
                    for other in re.split(r",? and |, ", also):
                        peers[other.strip()].add(kind)
        if title == "ctl":
            peers["ctl"] |= set(re.findall(r"`(\w+)` [{(]", body.split("Types of")[0])) | peers["web"] - {"logout"}
            roles.update({kind: set() for kind in peers["ctl"] if kind not in roles})
    return peers, roles


def refusal(door, kind, **more):
    """The word a command without arguments is refused with; "" where it was looked at and decided. Of user_put the secret
    is taken out before anything else, so it is given one."""
    return door.command(kind, {"key": KEY} if kind == "user_put" else {}, **more).get("why", "")


def sign_on(core, role):
    door = Door(core, "web", boot=f"page-{role}")
    session = f"{role}-session-0000001"
    answer = door.ask({"login": {"id": "l:1", "badge": role, "key": KEY, "device": f"hh-{role}", "session": session}})
    assert answer["outcome"]["ok"], answer
    return door, {"actor": session, "device": f"hh-{role}"}


def test_who_may_say_what_is_as_the_manual_says():
    peers, roles = manual()
    kinds = sorted(set().union(*peers.values()) | {"started", "allocate", "day", "login_verified"})
    assert len(kinds) > 30 and roles["load_close"] == {"loader", "supervisor", "admin"}, (kinds, roles)
    with Core() as core:
        core.begin()
        ctl = Door(core)
        for role in ROLES:
            assert ctl.command("user_put", {"badge": role, "name": role, "role": role, "salt": "00" * 16, "key": KEY})["ok"]
        for peer in set(DOORS) - {"web"}:
            door = Door(core, peer, boot=f"{peer}-1")
            for kind in kinds:
                said = refusal(door, kind, device="pack1-scanner")
                assert (said == "not_allowed") == (kind not in peers[peer]), (peer, kind, said)
        for role in ROLES:
            door, who = sign_on(core, role)
            for kind in [k for k in kinds if k != "logout"]:
                may = kind in peers["web"] and (not roles[kind] or role in roles[kind])
                said = refusal(door, kind, **who)
                assert (said == "not_allowed") == (not may), (role, kind, said)


def test_no_pin_and_no_key_of_one_is_kept_anywhere():
    with Core() as core:
        core.begin()
        ctl, web = Door(core), Door(core, "web")
        wrong = hashlib.sha256(b"wrong").hexdigest()
        # Refused, decided and malformed ones alike.
        assert ctl.command("user_put", {"badge": "B1", "name": "Bo", "role": "picker", "salt": "00" * 16, "key": KEY})["ok"]
        assert "why" in ctl.command("user_put", {"badge": "B2", "role": "picker", "salt": "00" * 16, "key": KEY}, n=2)
        assert "why" in ctl.command("user_put", {"badge": "B2", "key": KEY, "mac": KEY}, n=2)
        for n, key in enumerate((KEY, wrong)):
            web.ask({"login": {"id": f"l:{n}", "badge": "B1", "key": key, "device": "hh-1", "session": "s" * 20}})
        web.ask({"login": {"id": "l:9", "badge": "B1", "key": KEY, "device": "not a name", "session": "s" * 20}})
        wait_for(lambda: core.witnessed() >= ctl.seq(), what="the witness")
        core.kill()  # the write-ahead log is still there
        texts = {"the log": core.process.stderr.read()}
        for folder, _, names in os.walk(core.path):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        texts[path] = f.read()
        assert any(path.endswith("wharf.db-wal") for path in texts), texts.keys()
        for path, text in texts.items():
            for secret in (KEY, wrong):
                assert secret.encode() not in text and bytes.fromhex(secret) not in text, path


def put_witness(core, witness):
    with open(core.state + "/witness", "w", encoding="utf-8") as f:
        json.dump(witness, f)


def test_the_witness_tells_whose_database_it_is_and_every_mismatch_closes_the_door():
    with Core() as core:
        core.begin()
        door = Door(core)
        assert door.command("item_put", item(1))["ok"]
        wait_for(lambda: core.witnessed() >= door.seq(), what="the witness")
        assert os.stat(core.state + "/witness").st_mode & 0o777 == 0o600
        incarnation = door.query("status")[0]["incarnation"]
        core.end()
        with open(core.state + "/witness", encoding="utf-8") as f:
            right = json.load(f)
        assert set(right) == {"incarnation", "machine", "seq"} and right["incarnation"] == incarnation, right
        for what, why in [({"incarnation": "00" * 16}, "another database"), ({"machine": "0" * 32}, "another machine"),
                          ({"seq": right["seq"] + 100}, "older than its witness")]:
            put_witness(core, {**right, **what})
            core.begin()
            door = Door(core)
            assert why in door.welcome["reason"] and not door.welcome["accepting"], (what, door.welcome)
            assert door.command("item_put", item(2), n=2)["why"] == "closed"
            core.end()
        with open(core.state + "/witness", "wb") as f:
            f.write(b"\0\xff{")
        core.begin()
        assert "witness" in Door(core).welcome["reason"]
        core.end()
        put_witness(core, right)
        core.begin()
        assert Door(core).command("item_put", item(2), n=2)["ok"], "the right witness opens it"


run_tests(globals())
