"""SIPp as a program and as figures: what the tests and the benches share."""
import csv
import os
import tempfile

import peers
from peers import HOST, SCENARIOS, Program, free_port


class Sipp(Program):
    """One run of SIPp with a scenario of ours; finish() waits and gives its last statistics."""

    def __init__(self, scenario, *options, fill=None, cpu=None):
        """fill: {"@WORD@": text} to replace in the scenario; SIPp itself wants a response's status
        spelled out."""
        self.folder = tempfile.TemporaryDirectory()
        with open(os.path.join(SCENARIOS, scenario), encoding="utf-8") as file:
            text = file.read()
        for word, value in (fill or {}).items():
            text = text.replace(word, value)
        script = os.path.join(self.folder.name, scenario)
        with open(script, "w", encoding="utf-8") as file:
            file.write(text)
        self.statistics = os.path.join(self.folder.name, "stat.csv")
        self.port = free_port()
        self.address = (HOST, self.port)
        super().__init__(
            "sipp", "-sf", script, "-i", HOST, "-p", self.port, "-nostdin", "-buff_size", 1 << 20,
            "-trace_stat", "-stf", self.statistics, "-fd", 1, *options, cpu=cpu)

    def ready(self, transport="udp"):
        """Waits until it listens, as a server does. Returns itself."""
        peers.until(lambda: peers.listens(self.port, transport) or not self.running())
        return self

    def finish(self, seconds):
        """Waits for the end; (exit status, {column: value})."""
        status = self.wait(seconds)
        with open(self.statistics, encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        self.folder.cleanup()
        last = rows[-1] if rows else {}
        return status, {name: int(value) for name, value in last.items()
                        if name and value and value.isdigit()}


def client(address, rate, calls, seconds_max, cpu=None, transport="u1"):
    """SIPp as a client that makes this many calls at this rate. transport: as its -t has it; t1 is
    TCP by one connection, tn by one for each call."""
    sockets = ("-max_socket", 15000) if transport == "tn" else ()
    return Sipp("message_uac.xml", f"{address[0]}:{address[1]}", "-r", rate, "-m", calls,
                "-l", 50000, "-timeout", f"{seconds_max}s", "-timeout_error", "-t", transport,
                *sockets, cpu=cpu)


def server(status="200 OK", calls=None, cpu=None, transport="u1"):
    """SIPp as a server that listens; it leaves after that many calls, or when it is stopped."""
    count = () if calls is None else ("-m", calls)
    return Sipp("message_uas.xml", *count, "-t", transport, fill={"@STATUS@": status},
                cpu=cpu).ready("tcp" if transport.startswith("t") else "udp")
