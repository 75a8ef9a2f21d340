#!/usr/bin/env python3
"""A deployer for Slipway in Python, standard library only: it runs each replica of
a release as a process of this host. The protocol: docs/deployer-protocol.md.

The config of a stage: {"command": ["argv", ...], "replicas": 2, "readyWithin": 60}.
A replica finds READY_FILE in its environment and says that it is ready by creating
that file, and {version} in its command is replaced.

Everything lies below $DEPLOYER_ROOT (the working directory, if that is not set):
    locks/TARGET                 one lock for each target
    targets/TARGET/state.json    the newest desired state: the fence
    targets/TARGET/ID.N/         a replica: pid, started, ready, code, out.log
"""
import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

VERSION = "slipway.deployer/v1"
STOP_WITHIN = 5  # seconds between SIGTERM and SIGKILL


class Fault(Exception):
    """An error for people; terminal if trying again cannot help."""

    def __init__(self, message, terminal=False, **more):
        super().__init__(message)
        self.terminal = terminal
        self.document = {"message": message, "terminal": terminal, **more}


def say(**line):
    print(json.dumps(line), flush=True)


def write(path, text):
    """All of it or nothing, and on the disk: who reads it must not see a half."""
    aside = path.with_name(path.name + ".new")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def file_name(text):
    return "r" + hashlib.sha256(text.encode()).hexdigest()[:24]


class Replica:
    """One process, led by a guard (see guard) that notes how it ended."""

    def __init__(self, home, track, number):
        self.track, self.number = track, number
        self.dir = home / f"{file_name(track['id'])}.{number}"

    def read(self, name):
        try:
            return (self.dir / name).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True, mode=0o700)
        (self.dir / "track.json").write_text(json.dumps({k: self.track[k] for k in ("id", "version")}), encoding="utf-8")
        command = [part.replace("{version}", self.track["version"]) for part in self.track["config"]["command"]]
        environment = {"PATH": os.environ.get("PATH", os.defpath), **self.track.get("env", {}), **self.track.get("secrets", {}),
                       "READY_FILE": str(self.dir / "ready")}
        # In a session of its own, so that it outlives this call, and without our
        # output, which Slipway reads to the end. The command line holds no secret.
        guard = subprocess.Popen([sys.executable, os.path.abspath(__file__), "guard", str(self.dir)], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        write(self.dir / "pid", f"{guard.pid} {birth(guard.pid)}")
        write(self.dir / "started", str(time.time()))
        guard.stdin.write(json.dumps({"command": command, "env": environment}).encode())
        guard.stdin.close()
        say(log={"text": f"started {self.track['version']}/{self.number}"})

    def alive(self):
        pid, _, born = self.read("pid").partition(" ")
        return bool(born) and birth(int(pid)) == born

    def ready(self):
        return self.alive() and not self.read("code") and (self.dir / "ready").exists()

    def stop(self):
        pid = self.read("pid").partition(" ")[0]
        until = time.monotonic() + STOP_WITHIN
        with contextlib.suppress(ProcessLookupError):
            if self.alive():
                os.killpg(int(pid), signal.SIGTERM)
            while self.alive() and time.monotonic() < until:
                time.sleep(0.02)
            if self.alive():
                os.killpg(int(pid), signal.SIGKILL)
            while self.alive():
                time.sleep(0.02)
        shutil.rmtree(self.dir, ignore_errors=True)

    def failure(self):
        code = self.read("code")
        if code:
            return f"version {self.track['version']} exited with code {code}"
        if not self.alive():
            return f"version {self.track['version']} was killed together with its guard"
        within = self.track["config"].get("readyWithin", 60)
        if not self.ready() and time.time() - float(self.read("started") or 0) > within:
            return f"version {self.track['version']} was not ready within {within} seconds"
        return ""


def guard(directory):
    """Runs a replica and notes its exit code: its parent was a call, long over."""
    directory = pathlib.Path(directory)
    order = json.load(sys.stdin)
    with open(directory / "out.log", "ab") as out:
        child = subprocess.Popen(order["command"], env=order["env"], cwd=directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    signal.signal(signal.SIGTERM, lambda *_: None)  # the whole group has got it
    write(directory / "code", str(child.wait()))


def birth(pid):
    """When a process began, so that a reused pid is not taken for it; "" if it ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


class Target:
    def __init__(self, root, target):
        name = ",".join(urllib.parse.quote(target.get(part, ""), safe="") for part in ("service", "environment", "site"))
        self.home = root / "targets" / ("t." + name)
        self.lock = root / "locks" / ("t." + name)

    @contextlib.contextmanager
    def locked(self):
        """To compare, to act and to remember are one step, under one lock."""
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with open(self.lock, "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def state(self):
        try:
            return json.loads((self.home / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"generation": 0, "tracks": []}

    def wanted(self):
        return [Replica(self.home, track, n) for track in self.state()["tracks"] for n in range(track["replicas"])]

    def others(self):
        """Replicas that are there and not wanted."""
        keep = {replica.dir.name for replica in self.wanted()}
        for track in sorted(self.home.glob("r*/track.json")):
            if track.parent.name not in keep:
                number = track.parent.name.rpartition(".")[2]
                yield Replica(self.home, json.loads(track.read_text(encoding="utf-8")), number)

    def settle(self):
        """Stops what is not wanted and starts what is. What was started once and
        has ended is not started again: observe reports it."""
        for replica in self.others():
            replica.stop()
        for replica in self.wanted():
            if not replica.read("started"):
                replica.start()

    def apply(self, desired):
        newest = self.state()["generation"]
        if desired["generation"] < newest:
            raise Fault(f"generation {desired['generation']} is older than {newest}", True, code="stale-generation", newest=newest)
        if len(desired["tracks"]) > 1:
            raise Fault("this deployer runs one release at a time", True)
        for track in desired["tracks"]:
            if problems(track["config"]):
                raise Fault(f"the config of version {track['version']} is wrong: {problems(track['config'])[0]['message']}", True)
        self.home.mkdir(parents=True, exist_ok=True)
        # With the secrets, which whoever finishes a call that was killed half-way
        # has to hand over: for us alone to read.
        write(self.home / "state.json", json.dumps(desired))
        self.settle()

    def observe(self):
        state = self.state()
        if state["generation"]:
            self.settle()
        tracks, failures = [], []
        for track in state["tracks"]:
            replicas = [Replica(self.home, track, n) for n in range(track["replicas"])]
            ready = sum(replica.ready() for replica in replicas)
            failures += [failure for failure in (replica.failure() for replica in replicas) if failure]
            tracks.append({"id": track["id"], "version": track["version"], "wanted": track["replicas"], "ready": ready,
                           "weight": track["weight"], "message": f"{ready} of {track['replicas']} ready"})
        observed = {"at": datetime.datetime.now(datetime.timezone.utc).isoformat(), "generation": state["generation"], "tracks": tracks,
                    "converged": all(track["ready"] == track["wanted"] for track in tracks),
                    "message": ", ".join(track["message"] for track in tracks) or "nothing is to run"}
        if failures:
            observed["failure"] = {"reason": failures[0]}
        return observed

    def preview(self, desired):
        was = ", ".join(track["version"] for track in self.state()["tracks"]) or "nothing"
        becomes = ", ".join(f"{track['replicas']} of {track['version']}" for track in desired["tracks"]) or "nothing"
        return {"text": f"processes of this host: {was} becomes {becomes}"}

    def logs(self, cursor, limit):
        """The lines of the replicas that are there; the cursor says how far each was read."""
        at, lines, position = datetime.datetime.now(datetime.timezone.utc).isoformat(), [], json.loads(cursor or "{}")
        for replica in self.wanted():
            read = position.get(replica.dir.name, 0)
            with contextlib.suppress(FileNotFoundError), open(replica.dir / "out.log", "rb") as file:
                file.seek(read)
                while len(lines) < limit and (line := file.readline()).endswith(b"\n"):
                    read += len(line)
                    lines.append({"at": at, "source": f"{replica.track['version']}/{replica.number}", "text": line.decode(errors="replace").rstrip()})
            position[replica.dir.name] = read
        return {"lines": lines, "next": json.dumps(position)}

    def destroy(self):
        for replica in [*self.others(), *self.wanted()]:
            replica.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def problems(config):
    found = []

    def check(key, right, message):
        if not right:
            found.append({"path": key, "message": message})

    command = config.get("command")
    check("command", isinstance(command, list) and command and all(isinstance(part, str) for part in command), "is a list of words, the program first")
    for key in ("replicas", "readyWithin"):
        check(key, isinstance(config.get(key, 1), int) and config.get(key, 1) >= 1, "is a whole number, at least 1")
    for key in sorted(set(config) - {"command", "replicas", "readyWithin"}):
        check(key, False, "is no key of this deployer; there are command, replicas and readyWithin")
    return found


def check_way(way):
    """Whether apply would take each state on the way; it changes nothing."""
    for desired in way:
        if len(desired["tracks"]) > 1:
            versions = " and ".join(track["version"] for track in desired["tracks"])
            raise Fault(f"this deployer runs one release at a time, not {versions}", True)
    return {}


def call(name, request):
    if request.get("apiVersion") != VERSION:
        raise Fault(f"the request speaks {request.get('apiVersion')}, this deployer {VERSION}", True)
    if name == "capabilities":
        return {"apiVersion": VERSION, "summary": "Processes of this host, each replica one", "replicas": True, "secrets": True, "calls": ["logs", "check-way", "destroy"]}
    if name == "validate":
        found = problems(request["config"])
        return {"replicas": 1 if found else request["config"].get("replicas", 1), "problems": found}
    target = Target(pathlib.Path(os.environ.get("DEPLOYER_ROOT", ".")).resolve(), request["target"])
    with target.locked():
        if name == "preview":
            return target.preview(request["desired"])
        if name == "apply":
            return target.apply(request["desired"]) or {}
        if name == "observe":
            return target.observe()
        if name == "logs":
            return target.logs(request.get("cursor"), request["limit"])
        if name == "check-way":
            return check_way(request["way"])
        if name == "destroy":
            return target.destroy() or {}
    raise Fault(f'there is no call "{name}"', True)


def main():
    try:
        say(result=call(sys.argv[1], json.load(sys.stdin)))
    except Fault as fault:
        say(error=fault.document)
        sys.exit(2 if fault.terminal else 1)


if __name__ == "__main__":
    os.umask(0o077)
    if sys.argv[1] == "guard":
        guard(sys.argv[2])
    else:
        main()
