import multiprocessing
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError
from servicekit.settings import CommonSettings, ServiceSettings


def read_secret(
    folder: str, barrier: "multiprocessing.synchronize.Barrier", results: "multiprocessing.Queue[bytes]"
) -> None:
    settings = CommonSettings(secrets_dir=Path(folder))
    barrier.wait(timeout=20)
    results.put(settings.secret("cursor"))


def test_processes_that_start_together_agree_on_a_secret(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        barrier, results = context.Barrier(2), context.Queue()
        processes = [context.Process(target=read_secret, args=(str(folder), barrier, results)) for _ in range(2)]
        for process in processes:
            process.start()
        first, second = results.get(timeout=20), results.get(timeout=20)
        for process in processes:
            process.join()

        assert first == second
        assert [file.name for file in folder.iterdir()] == ["cursor"]


def test_a_secret_survives_is_the_owners_alone_and_differs_by_name(tmp_path: Path) -> None:
    settings = CommonSettings(secrets_dir=tmp_path / "secrets")

    made = settings.secret("refresh")

    assert CommonSettings(secrets_dir=tmp_path / "secrets").secret("refresh") == made
    assert len(bytes.fromhex(made.decode())) == 32
    assert settings.secret("cursor") != made
    assert stat.S_IMODE((tmp_path / "secrets" / "refresh").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_secret_given_by_file_is_taken_without_its_newline(tmp_path: Path) -> None:
    (tmp_path / "cursor").write_bytes(b"given-by-the-operator\n")

    assert CommonSettings(secrets_dir=tmp_path).secret("cursor") == b"given-by-the-operator"


@pytest.mark.parametrize("content", [b"", b"short", b"   \n"])
def test_a_secret_that_is_too_short_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cursor").write_bytes(content)

    with pytest.raises(ValueError, match="too short"):
        CommonSettings(secrets_dir=tmp_path).secret("cursor")


def test_without_a_folder_there_is_no_secret() -> None:
    with pytest.raises(ValueError, match="PROMPTSPHERE_SECRETS_DIR"):
        CommonSettings().secret("cursor")


@pytest.mark.parametrize("content", ["", "short", "é" * 40])
def test_a_weak_service_credential_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "credential"
    file.write_text(content)

    with pytest.raises(ValueError):
        CommonSettings(service_credential_file=file).service_credential()


def test_a_service_credential_is_read_without_its_newline(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text("c" * 32 + "\n")

    assert CommonSettings(service_credential_file=file).service_credential() == "c" * 32


def test_what_is_wrong_is_said_without_what_was_given() -> None:
    with pytest.raises(ValidationError) as caught:
        ServiceSettings.model_validate(
            {"database_pool_size": "mysql://root:hunter2@db", "redis_url": ["redis://:hunter2@cache"]},
        )

    assert "hunter2" not in str(caught.value)
    assert "database_pool_size" in str(caught.value)


def test_each_setting_is_described() -> None:
    undescribed = [name for name, field in ServiceSettings.model_fields.items() if not field.description]

    assert undescribed == []
