"""A gRPC server with mTLS that admits by the access table and stops gracefully."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.common.access import AccessGuard, AccessInterceptor
from services.common.channel import MAXIMUM_MESSAGE_BYTES
from services.common.errors import ConfigurationFault
from services.common.keystore import TransportIdentity

WORKER_THREADS: Final = 16
"""Calls served at once; a national office has tens of providers, each with one stream."""
MAXIMUM_CONCURRENT_CALLS: Final = 64
"""Calls accepted at once; beyond it callers are told to retry instead of queueing without bound."""
GRACE_SECONDS: Final = 10.0
"""How long running calls may finish after a stop signal."""


def start_server(
    listen: str, identity: TransportIdentity, guard: AccessGuard, register: Callable[[grpc.Server], None]
) -> tuple[grpc.Server, int]:
    """Start serving on `host:port` (port 0: any free one); returns the server and its port."""
    server = grpc.server(
        ThreadPoolExecutor(WORKER_THREADS, thread_name_prefix="rpc"),
        interceptors=[AccessInterceptor(guard)],
        maximum_concurrent_rpcs=MAXIMUM_CONCURRENT_CALLS,
        options=(
            ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ),
    )
    register(server)
    checks = health.HealthServicer()
    checks.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    credentials = grpc.ssl_server_credentials(
        [(identity.private_key, identity.certificate)],
        root_certificates=identity.authority,
        require_client_auth=True,
    )
    try:
        port = server.add_secure_port(listen, credentials)
    except RuntimeError:
        port = 0
    if port == 0:
        raise ConfigurationFault(f"cannot listen on {listen}: another process has the address, or it is not local")
    server.start()
    return server, port


def serve_until_stopped(server: grpc.Server, tidy: Callable[[], None]) -> None:
    """Block until SIGTERM or SIGINT, let running calls finish, then call `tidy`."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    server.stop(GRACE_SECONDS).wait()
    tidy()
