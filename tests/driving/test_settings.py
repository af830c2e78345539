import pytest
from pydantic import Field

from pumpd.driving import DriverSettings, assumed


class Toy(DriverSettings):
    address: int = Field(default=0, ge=0, le=9)
    models: tuple[str, ...] = ("a", "b")
    timeout_s: float = assumed(1.5, "The pump stops by then.", gt=0)


def test_every_wrong_key_is_named_with_its_reason():
    with pytest.raises(ValueError, match="settings") as caught:
        Toy.of({"adress": "1", "address": "12", "timeout_s": "soon"})
    message = str(caught.value)
    base = "reply_timeout_s, quiet_s, healthy_answer_s, reads_while_answering"
    assert f"settings.adress: unknown setting (known: {base}, address, models, timeout_s)" in message
    assert "settings.address: " in message
    assert "settings.timeout_s: " in message


def test_texts_from_a_command_line_are_converted():
    assert Toy.of({"address": "3", "models": "x,y", "timeout_s": "0.5"}) == Toy(
        address=3, models=("x", "y"), timeout_s=0.5
    )


def test_only_assumptions_are_listed():
    named = {item.name: item for item in Toy.assumptions()}
    assert set(named) == {"reply_timeout_s", "quiet_s", "healthy_answer_s", "reads_while_answering", "timeout_s"}
    assert named["timeout_s"].default == "1.5"
    assert named["timeout_s"].meaning == "The pump stops by then."


def test_settings_survive_their_own_dump():
    made = Toy(address=4, timeout_s=2.5)
    assert Toy.of(made.model_dump()) == made
