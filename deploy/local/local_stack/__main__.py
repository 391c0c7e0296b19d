"""`python -m local_stack run`: everything in the foreground, until Ctrl-C or SIGTERM; `demo`: the journey."""

import argparse
import asyncio
import os
import signal
import sys
import time

from local_stack.demo.command import demo
from local_stack.refusal import Refusal
from local_stack.settings import StackSettings, read_settings
from local_stack.stack import Stack
from local_stack.terminal import as_text, is_unheard, leave_unheard, show, speak_plainly


def main() -> int:
    """The exit code: 0 after a stop that was asked for, 2 for something to change, 1 for a failed start."""
    parser = argparse.ArgumentParser(prog="python -m local_stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything and stay in the foreground")
    sentence = commands.add_parser("demo", help="walk from a sentence to a served prompt").add_argument
    sentence("sentence", nargs="?", help="what the prompt is for, in Chinese or English")
    speak_plainly()
    arguments = parser.parse_args()
    try:
        settings = read_settings(os.environ)
        if arguments.command == "demo":
            return asyncio.run(demo(settings, as_text(arguments.sentence), show))
        return asyncio.run(_run(settings))
    except KeyboardInterrupt:
        return 130
    except Refusal as refusal:
        show(str(refusal))
        return refusal.exit_code
    except OSError as error:
        if not is_unheard(error):
            raise
        return leave_unheard(error)


async def _run(settings: StackSettings) -> int:
    stack = Stack(settings, show)
    serving = asyncio.create_task(_serve(stack), name="stack")

    def asked_to_stop() -> None:
        if serving.cancelling():
            show("stopping now")
            stack.kill()
        else:
            show("stopping: gateway, then services, then Redis")
            serving.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked_to_stop)
    await asyncio.wait([serving])
    return 0 if serving.cancelled() else serving.result()


async def _serve(stack: Stack) -> int:
    began = time.monotonic()
    async with stack.running(os.environ):
        show(_banner(stack, time.monotonic() - began))
        await asyncio.Event().wait()
    return 0


def _banner(stack: Stack, start_seconds: float) -> str:
    settings = stack.settings
    mysql = settings.mysql
    database = "SQLite" if mysql is None else f"secrets and logs; the rest in MySQL at {mysql.host}:{mysql.port}"
    return "\n".join(
        [
            "",
            f"  Prompt Sphere   {stack.url}",
            f"  API docs        {stack.url}/docs",
            f"  engine          {settings.engine}",
            f"  data            {settings.data_dir} ({database})",
            f"  logs            {settings.data_dir / 'logs'}",
            f"  stop            Ctrl-C          (ready after {start_seconds:.1f} s)",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
