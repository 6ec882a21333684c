"""Every message of RFC 4475 and RFC 5118 is sent to `zsip serve`, which answers as the RFCs ask and
goes on serving."""
import pathlib
import re
import select
import socket
import unittest

import peers

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "torture"
# Source addresses of our own, so that the ports their Vias name are free there; one for each
# exchange, so that an answer that comes late is nobody else's.
SOURCES = (f"127.0.{net}.{host}" for net in range(77, 90) for host in range(1, 255))

# What may come back from a server of MESSAGE and OPTIONS; None: silence. Two entries where the RFC
# leaves strict and lenient open. INVITE, REGISTER and BYE are known and not served: 405, which
# RFC 3261 section 8.2.1 puts before all that is wrong beyond syntax.
EXPECTED = {
    "wsinv": {405}, "intmeth": {501}, "esc01": {405}, "escnull": {405}, "esc02": {501},
    "lwsdisp": {200}, "longreq": {405}, "dblreq": {405}, "semiuri": {200}, "transports": {200},
    "mpart01": {200}, "unreason": {None}, "noreason": {None}, "badinv01": {400},
    "clerr": {400}, "ncl": {400}, "scalar02": {400}, "scalarlg": {None},
    "quotbal": {400}, "ltgtruri": {400}, "lwsruri": {400}, "lwsstart": {400, 405},
    "trws": {400, 200}, "escruri": {400, 405},
    "baddate": {400, 405}, "regbadct": {400, 405}, "badaspec": {400, 200}, "baddn": {400},
    "badvers": {505}, "mismatch01": {400}, "mismatch02": {501, 400}, "bigcode": {None},
    "badbranch": {400, 200}, "insuf": {400}, "unkscm": {416}, "novelsc": {416},
    "unksm2": {400, 405}, "bext01": {420}, "invut": {405}, "regaut01": {405}, "multi01": {400},
    "mcl01": {400}, "bcast": {None}, "zeromf": {200}, "cparam01": {405}, "cparam02": {405},
    "regescrt": {405}, "sdp01": {405}, "inv2543": {405}, "test": {400, None},
    "v6-ipv6-good": {405}, "v6-ipv6-bad": {400, 405}, "v6-port-ambiguous": {405},
    "v6-port-unambiguous": {405}, "v6-via-received-param-with-delim": {405},
    "v6-via-received-param-no-delim": {200}, "v6-ipv6-in-sdp": {405},
    "v6-mult-ip-in-header": {405}, "v6-mult-ip-in-sdp": {405}, "v6-ipv4-mapped-ipv6": {405},
    "v6-ipv6-bug-abnf-3-colons": {200, 400}, "v6-ipv6-correct-abnf-2-colons": {200},
}


def ports_of(message):
    """Where an answer may go: each port that a Via names, and the default."""
    vias = re.findall(rb"(?im)^(?:via|v)[ \t]*:(.*(?:\r\n[ \t].*)*)", message)
    ports = {int(port) for via in vias for port in re.findall(rb":\s*(\d{2,5})(?=[\s;,]|$)", via)}
    return {5060} | {port for port in ports if 0 < port < 65536}


def exchange(address, message, seconds=0.4):
    """Sends from one of SOURCES and listens there at every port an answer may go to."""
    sockets, source = [], next(SOURCES)
    try:
        for port in sorted(ports_of(message)):
            listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sockets.append(listener)
            listener.bind((source, port))
        sockets[0].sendto(message, address)
        ready = select.select(sockets, [], [], seconds)[0]
        return ready[0].recv(65535) if ready else None
    finally:
        for listener in sockets:
            listener.close()


class Torture(unittest.TestCase):
    def test_each_is_answered_as_the_rfc_asks(self):
        files = sorted(DATA.glob("*.dat"))
        self.assertEqual(set(EXPECTED), {file.stem for file in files})
        with peers.serving("--max-age", 0) as server:
            for file in files:
                with self.subTest(file.stem):
                    # A lost answer and a silent server look alike, so silence is looked at twice.
                    status = peers.status_of(exchange(server.address, file.read_bytes()))
                    if status is None and None not in EXPECTED[file.stem]:
                        status = peers.status_of(exchange(server.address, file.read_bytes(), 10))
                    self.assertIn(status, EXPECTED[file.stem])
                    self.assertTrue(server.running(), server)
            self.assertEqual(200, peers.status_of(peers.ask(server.address, peers.request())))

    def test_each_also_at_a_server_of_every_method(self):
        with peers.serving("--methods", "any", "--in-dialog", "accept") as server:
            for file in sorted(DATA.glob("*.dat")):
                exchange(server.address, file.read_bytes(), 0.01)
                self.assertTrue(server.running(), f"{file}: {server}")
            self.assertEqual(200, peers.status_of(peers.ask(server.address, peers.request())))


if __name__ == "__main__":
    peers.main()
