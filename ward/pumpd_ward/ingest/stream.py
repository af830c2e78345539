"""The stream of the ward, and the durable consumer that all workers share."""

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError

from pumpd_ward.messages import SUBJECTS
from pumpd_ward.settings import StreamSettings

STREAM, CONSUMER = "pumpd-ward", "ingest"
REDELIVERED_AFTER_S = 10.0  # to another worker, if one dies
LEAST_NODE = (2, 10)  # the first with `sync_interval`
PING_S = 10  # a node that answers none is left for another one; by default nats-py takes 6 minutes for it
IN_FLIGHT = 5000  # messages that workers have and have not acknowledged
SAME_WITHIN_S = 600.0  # in which the stream recognises a message that was sent twice


async def connect(settings: StreamSettings, name: str) -> Client:
    """nats-py then reconnects by itself, to any node. Raises nats.errors.Error and OSError."""
    scheme = "tls" if settings.tls else "nats"
    return await nats.connect(
        [f"{scheme}://{node}" for node in settings.nodes],
        name=name,
        tls=settings.context(),
        user=settings.username,
        password=settings.password_file.read_text("utf-8").strip() if settings.password_file else None,
        inbox_prefix=f"_INBOX_WARD.{name}",  # which no gateway may hear
        ping_interval=PING_S,
        max_outstanding_pings=2,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=_quiet,
    )


def too_old(client: Client) -> str:
    """The version of the node, if it cannot be told to write a message to the disk before it acknowledges it."""
    version = client.connected_server_version
    return "" if (version.major, version.minor) >= LEAST_NODE else f"{version.major}.{version.minor}"


async def _quiet(_: Exception) -> None:
    """The worker notices what matters: nothing comes, or a fetch fails."""


async def prepare(js: JetStreamContext, settings: StreamSettings) -> None:
    """Make the stream and its consumer if they are missing. Raises nats.errors.Error.

    A message stays until the store has it. A full stream refuses new ones, so that nothing is pushed out.
    """
    config = StreamConfig(
        name=STREAM,
        subjects=list(SUBJECTS),
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        num_replicas=settings.replicas,
        max_bytes=int(settings.most_gb * 1e9),
        duplicate_window=SAME_WITHIN_S,
    )
    try:
        await js.add_stream(config)
    except BadRequestError:  # it exists with other settings
        await js.update_stream(config)
    await js.add_consumer(
        STREAM,
        ConsumerConfig(
            durable_name=CONSUMER,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=REDELIVERED_AFTER_S,
            max_deliver=-1,
            max_ack_pending=IN_FLIGHT,
        ),
    )
