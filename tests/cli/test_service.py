"""`zsip serve` under a service manager: sockets handed over, readiness told."""
import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from common import Case, HOST, USAGE, FAILED
import peers

# The first process of the pair becomes the server, so that LISTEN_PID names it.
HANDS_OVER = 'exec 3<&"$1"; shift; LISTEN_PID=${PID:-$$} exec "$@"'


@contextlib.contextmanager
def udp_socket(host=HOST, family=socket.AF_INET, only=True):
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        udp.bind((host, 0))
        yield udp


def start(udp, *options, sockets=1, **environment):
    """zsip serve, with udp as its first socket handed over."""
    return subprocess.Popen(
        ["sh", "-c", HANDS_OVER, "sh", str(udp.fileno()), peers.zsip(), "serve", *options],
        pass_fds=[udp.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"LISTEN_FDS": str(sockets), "PATH": "/usr/bin:/bin", **environment})


def end(process, number=signal.SIGTERM):
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
    return process.communicate(timeout=60)


class Handed(Case):
    def test_socket_is_served_and_readiness_is_told(self):
        with tempfile.TemporaryDirectory() as folder, udp_socket() as udp, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = str(pathlib.Path(folder) / "notify")
            manager.bind(path)
            manager.settimeout(peers.PATIENCE_S)
            process = start(udp, "--workers", "2", NOTIFY_SOCKET=path)
            try:
                self.assertIn(b"READY=1", manager.recv(4096).split(b"\n"))
                for _ in range(20):
                    answer = peers.ask(udp.getsockname(), peers.request())
                    self.assertEqual(200, peers.status_of(answer))
            finally:
                output, errors = end(process)
            self.assertIn(b"STOPPING=1", manager.recv(4096).split(b"\n"))
            self.assertEqual(0, process.returncode, errors)
            self.assertIn(f"listening on udp:{HOST}:{udp.getsockname()[1]},", output)
            # Nobody else's port: where sockets are handed over, no other is opened.
            self.assertEqual(1, len(re.findall("udp:", output)), output)

    def test_abstract_notify_socket(self):
        with udp_socket() as udp, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("")  # takes a free abstract name
            manager.settimeout(peers.PATIENCE_S)
            name = manager.getsockname().decode()
            process = start(udp, NOTIFY_SOCKET="@" + name[1:])
            try:
                self.assertIn(b"READY=1", manager.recv(4096))
            finally:
                end(process)

    def test_what_waited_in_the_socket_is_answered(self):
        with udp_socket() as udp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(peers.PATIENCE_S)
            client.bind((HOST, 0))
            client.sendto(peers.request(), udp.getsockname())
            time.sleep(0.3)
            process = start(udp, "--max-age", "0")
            try:
                self.assertEqual(200, peers.status_of(client.recv(65535)))
            finally:
                end(process)

    def test_listening_socket_of_tcp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind((HOST, 0))
            tcp.listen(16)
            port = tcp.getsockname()[1]
            process = start(tcp, "--workers", "2")
            try:
                self.assertIn(f"listening on tcp:{HOST}:{port},", process.stdout.readline())
                for _ in range(8):
                    with socket.create_connection((HOST, port), peers.PATIENCE_S) as client:
                        client.settimeout(peers.PATIENCE_S)
                        client.sendall(peers.request())
                        self.assertEqual(200, peers.status_of(client.recv(65535)))
            finally:
                end(process)

    def test_a_tcp_socket_that_does_not_listen_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind((HOST, 0))
            process = start(tcp)
            self.assertIn("does not listen", process.communicate(timeout=60)[1])
            self.assertEqual(FAILED, process.returncode)

    def test_sockets_meant_for_another_process_are_left_alone(self):
        with udp_socket() as udp:
            process = start(udp, "--listen", f"udp:{HOST}:0", PID="1")
            try:
                line = process.stdout.readline()
            finally:
                end(process, signal.SIGINT)
            self.assertEqual(1, line.count("udp:"), line)
            self.assertNotIn(f":{udp.getsockname()[1]},", line)

    def test_nonsense_is_refused(self):
        for sockets, words in ((2, "descriptor 4 is not open"), ("many", "not a number")):
            with udp_socket() as udp:
                process = start(udp, sockets=sockets)
                output, errors = process.communicate(timeout=60)
                self.assertEqual(USAGE, process.returncode, output)
                self.assertIn(words, errors)

    def test_sockets_that_cannot_be_served_are_refused(self):
        with udp_socket("::", socket.AF_INET6, only=False) as both:
            process = start(both)
            self.assertIn("BindIPv6Only=ipv6-only", process.communicate(timeout=60)[1])
            self.assertEqual(FAILED, process.returncode)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            process = start(other)
            self.assertIn("descriptor 3", process.communicate(timeout=60)[1])
            self.assertEqual(FAILED, process.returncode)


if __name__ == "__main__":
    unittest.main()
