#!/usr/bin/env python3
"""The web server of a lab backend: says its name and whom it sees. usage: backend.py NAME PORT"""
import http.server
import socket
import sys

NAME, PORT = sys.argv[1], int(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        client = self.client_address[0].removeprefix("::ffff:")
        body = {"/hostname": f"{NAME}\n", "/clientip": f"{client}\n"}.get(self.path, f"{NAME} answers {client}\n")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        """Quiet: what the client prints is what counts."""


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6  # and IPv4, as mapped addresses


Server(("::", PORT), Handler).serve_forever()
