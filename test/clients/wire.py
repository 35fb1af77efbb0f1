"""A port that forwards to the service until the connection is cut."""

import contextlib
import socket
import socketserver
import threading
from urllib.parse import urlsplit


class Wire:
    """url: that of the service. mutes: requests arrive, but no response comes back."""

    def __init__(self, url):
        self._target = urlsplit(url).hostname, urlsplit(url).port
        self._server, self.mutes = None, False
        self._address = "127.0.0.1", 0
        self._open = set()
        self.mend()

    @property
    def url(self):
        return "http://{}:{}".format(*self._address)

    def mend(self):
        wire = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                wire._carry(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, block_on_close = True, True, False

        self.mutes = False
        self._server = Server(self._address, Handler)
        self._address = self._server.server_address
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def cut(self):
        self._server.shutdown()
        self._server.server_close()
        # Clients reuse connections for their next requests.
        for client in list(self._open):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _carry(self, client):
        self._open.add(client)
        with contextlib.suppress(OSError), socket.create_connection(self._target) as service:
            threading.Thread(target=self._pump, args=(client, service), daemon=True).start()
            self._pump(service, client, lambda: self.mutes)
            client.shutdown(socket.SHUT_RDWR)
        self._open.discard(client)

    @staticmethod
    def _pump(source, sink, is_mute=lambda: False):
        """Forwards until the end, or until the part that must not arrive."""
        with contextlib.suppress(OSError):
            while (data := source.recv(1 << 16)) and not is_mute():
                sink.sendall(data)
            if not is_mute():
                sink.shutdown(socket.SHUT_WR)
