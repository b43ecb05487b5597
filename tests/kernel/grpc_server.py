"""
A gRPC server (python3-grpcio) with the health protocol. Lines on its standard input say what it answers: "serving N" with a
number of HealthCheckResponse.ServingStatus, "status NAME" with a name of grpc.StatusCode, "hang". Prints "ready", then each
request's bytes in hex. usage: grpc_server.py ADDR PORT
"""
import concurrent.futures
import sys
import threading

import grpc


class Health(grpc.GenericRpcHandler):
    answer, ended = "serving 1", threading.Event()

    def service(self, details):
        if details.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(self.check)  # bytes in and out
        return None

    def check(self, request, context):
        print(request.hex(), flush=True)
        word, _, argument = self.answer.partition(" ")
        if word == "hang":
            self.ended.wait()
        if word == "status":
            context.abort(grpc.StatusCode[argument], "as told")
        return bytes([1 << 3, int(argument or 1)])


def main():
    health = Health()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16), handlers=[health])
    if server.add_insecure_port(f"{sys.argv[1]}:{sys.argv[2]}") == 0:
        sys.exit("cannot listen")
    server.start()
    print("ready", flush=True)
    for line in sys.stdin:
        health.answer = line.strip()
    health.ended.set()
    server.stop(None)


if __name__ == "__main__":
    main()
