"""Builds the gRPC stubs on install, in place, so that no generated file is ever committed."""

import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubBuildHook(BuildHookInterface):
    """Runs protoc over every contract; a later change of a .proto asks for another install (`make setup`)."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Generate messages, services and their types beside the .proto files.

        Raises:
            RuntimeError: protoc refused a contract; its words are on standard error.
        """
        from grpc_tools import protoc

        root = Path(self.root)
        protos = sorted(str(path.relative_to(root)) for path in root.glob("promptsphere/**/*.proto"))
        scripts = Path(sys.executable).parent
        arguments = [
            "protoc",
            f"--proto_path={root}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            f"--python_out={root}",
            f"--grpc_python_out={root}",
        ]
        for plugin in ("mypy", "mypy_grpc"):
            program = _find(f"protoc-gen-{plugin}", scripts)
            arguments += [f"--plugin=protoc-gen-{plugin}={program}", f"--{plugin}_out={root}"]
        if protoc.main([*arguments, *protos]) != 0:
            raise RuntimeError("protoc failed; see the messages above")
        build_data["artifacts"] += ["promptsphere/**/*_pb2*.py", "promptsphere/**/*_pb2*.pyi"]


def _find(program: str, scripts: Path) -> str:
    """The plugin's path: an isolated build puts scripts on PATH, not beside the interpreter."""
    import shutil

    beside = scripts / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise RuntimeError(f"{program} is missing; it comes with mypy-protobuf")
    return found
