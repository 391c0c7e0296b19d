"""`.env.example` names every setting with its default, and nothing else."""

import re
from pathlib import Path

import pytest
from api_gateway.settings import GatewaySettings
from auth_service.settings import AuthSettings
from generation_service.settings import GenerationSettings
from prompt_service.settings import PromptSettings
from pydantic_core import PydanticUndefined
from servicekit.settings import CommonSettings

ROOT = Path(__file__).parents[2]
SETTINGS: tuple[type[CommonSettings], ...] = (GatewaySettings, AuthSettings, PromptSettings, GenerationSettings)


def shown(default: object) -> str:
    if default is None or default is PydanticUndefined:
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_env_example_is_in_step_with_the_settings_classes() -> None:
    text = (ROOT / ".env.example").read_text()
    documented = dict(re.findall(r"^# PROMPTSPHERE_(\w+)=(.*)$", text, re.MULTILINE))

    known = {
        name.upper(): shown(field.default) for settings in SETTINGS for name, field in settings.model_fields.items()
    }
    assert documented == known


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda cls: cls.__name__)
def test_every_setting_says_what_it_is(settings: type[CommonSettings]) -> None:
    assert [name for name, field in settings.model_fields.items() if not field.description] == []
