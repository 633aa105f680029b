"""An upload's transport alone: a process that takes chunks over mTLS as the linkage unit does, and forgets them."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import grpc

from services.common.channel import MAXIMUM_MESSAGE_BYTES, open_channel
from services.common.identity import Realm, Role
from services.common.keystore import load_party_keys
from services.demo.stage import LINKAGE_UNIT, Stage
from services.provider_agent.transfer_client import TransferClient
from services.wire.messages import Chunk
from services.wire.v1 import intake_pb2_grpc, transfer_pb2

SERVICE: Final = "symbolon.v1.Intake"


def _forget(
    chunks: Iterator[transfer_pb2.TransferChunk], _context: grpc.ServicerContext
) -> transfer_pb2.TransferProgress:
    """Digest every chunk, as the linkage unit must, and keep none."""
    taken = 0
    for chunk in chunks:
        hashlib.sha256(chunk.content).digest()
        taken += 1
    return transfer_pb2.TransferProgress(next_chunk=taken)


@contextmanager
def sink(stage: Stage, sender: str) -> Iterator[Callable[[Iterator[Chunk]], int]]:
    """Run the process while the block lasts; yields the call that streams chunks to it and returns how many came."""
    spawn = multiprocessing.get_context("spawn")
    near, far = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(stage.home(LINKAGE_UNIT) / "keys", far))
    process.start()
    try:
        document = stage.agreement
        realm = Realm(document.trust_domain, document.id)
        transport = stage.keys[sender].transport
        address = f"127.0.0.1:{near.recv()}"
        with open_channel(address, transport, realm, Role.LINKAGE_UNIT, LINKAGE_UNIT) as channel:
            intake = intake_pb2_grpc.IntakeStub(channel)
            client = TransferClient("the sink", intake.BeginUpload, intake.PutChunks, intake.CommitUpload)
            yield client.put
    finally:
        process.terminate()
        process.join()


def _serve(keys: Path, ready: Connection) -> None:
    identity = load_party_keys(keys).transport
    server = grpc.server(ThreadPoolExecutor(2), options=(("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),))
    put = grpc.stream_unary_rpc_method_handler(
        _forget,
        request_deserializer=transfer_pb2.TransferChunk.FromString,
        response_serializer=transfer_pb2.TransferProgress.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"PutChunks": put}),))
    credentials = grpc.ssl_server_credentials(
        [(identity.private_key, identity.certificate)],
        root_certificates=identity.authority,
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    ready.send(port)
    server.wait_for_termination()
