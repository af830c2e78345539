"""The board's HTTP server."""

import asyncio
import contextlib

import asyncpg
import structlog
import uvicorn

from pumpd_ward.board.app import application
from pumpd_ward.board.connection import Connection
from pumpd_ward.board.entrance import entrance
from pumpd_ward.board.live import Live
from pumpd_ward.settings import WardSettings
from pumpd_ward.store.migrate import ready

GOODBYE_S = 2  # for open streams, when it ends


class Server(uvicorn.Server):
    """uvicorn, without its own signal handling: the process ends it."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as in uvicorn
        yield


async def serve(settings: WardSettings) -> None:
    """Run until cancelled.

    Raises OSError when the store cannot be reached at the start or the port is taken, and SettingsError when the
    provider's client cannot be used.
    """
    board = settings.board
    async with asyncpg.create_pool(settings.store.dsn, min_size=1, max_size=8, command_timeout=20) as pool:
        async with pool.acquire() as store:
            await ready(store)
        live = Live(settings.store.dsn, board.silent_s)
        server = Server(
            uvicorn.Config(
                application(settings, await entrance(board, pool), live),
                host=board.host,
                port=board.port,
                ssl_certfile=board.tls_cert,
                ssl_keyfile=board.tls_key,
                http=Connection,
                ws="none",
                timeout_keep_alive=60,  # the connection's own limit is shorter and counts from the last answer
                timeout_graceful_shutdown=GOODBYE_S,
                log_config=None,
                access_log=False,
                server_header=False,
            )
        )
        structlog.get_logger().info("board_started", host=board.host, port=board.port)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(live.run())
            serving = group.create_task(server.serve())
            try:
                await serving
            finally:
                server.should_exit = True
                following.cancel()
