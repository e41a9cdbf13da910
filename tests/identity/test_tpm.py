"""The way by TPM, against a real TPM in software: it opens unattended, and only on the machine as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson
from hearthside.identity.tpm import Tpm, check_pcrs, find_tpm
from hearthside.identity.vault import Vault, create_vault, open_vault
from tests.identity.soft_tpm import SoftTpm, need_swtpm
from tests.identity.vaults import all_keys, bytes_of

pytestmark = pytest.mark.usefixtures("cheap")
_SECRET = b"thirty-two bytes easy to see ..."


@pytest.fixture
def chip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftTpm]:
    """A chip that is switched on."""
    need_swtpm()
    soft = SoftTpm(tmp_path_factory.mktemp("chip"))
    soft.start()
    yield soft
    soft.stop()


@pytest.fixture
def made(chip: SoftTpm, tmp_path: Path) -> Vault:
    """A vault that opens with the passphrase "a" and with the chip."""
    opened = create_vault(tmp_path / "vault", passphrase="a")
    assert opened.add_tpm(tcti=chip.tcti, now_ms=3) == "tpm"
    return opened


def _code(folder: Path, chip: SoftTpm) -> tuple[str, str]:
    with pytest.raises(NeedsPerson) as error:
        open_vault(folder, tcti=chip.tcti)
    return error.value.code, error.value.message


def test_it_opens_unattended_after_every_start(chip: SoftTpm, made: Vault) -> None:
    for _ in range(4):  # more often than the chip has room for objects: nothing stays loaded
        assert open_vault(made.folder, tcti=chip.tcti).key("journal") == made.key("journal")
    chip.restart()
    assert open_vault(made.folder, tcti=chip.tcti).key("journal") == made.key("journal")
    assert made.tpm_warning(tcti=chip.tcti) == ""
    assert [(way.name, way.made_ms) for way in made.ways()] == [("passphrase", None), ("tpm", 3)]
    for kind in ("transient", "loaded-session", "saved-session"):
        assert chip.command("getcap", f"handles-{kind}").stdout.strip() == b""


def test_a_machine_that_starts_differently_needs_the_person(chip: SoftTpm, made: Vault) -> None:
    chip.extend()
    before = bytes_of(made.folder)
    code, message = _code(made.folder, chip)
    assert code == "tpm-changed"
    assert "another way" in message and "seal it anew" in message
    assert made.tpm_warning(tcti=chip.tcti) == message
    assert bytes_of(made.folder) == before
    opened = open_vault(made.folder, passphrase="a", tcti=chip.tcti)
    assert opened.add_tpm(tcti=chip.tcti, now_ms=8) == "tpm"
    assert [(way.name, way.made_ms, way.renewed_ms) for way in opened.ways()][1] == ("tpm", 3, 8)
    assert open_vault(made.folder, tcti=chip.tcti).key("journal") == made.key("journal")
    chip.restart()  # the register is what it was before the change, which is now the wrong value
    assert _code(made.folder, chip)[0] == "tpm-changed"


def test_other_registers_may_change(chip: SoftTpm, made: Vault) -> None:
    chip.extend(pcr=9)
    assert open_vault(made.folder, tcti=chip.tcti).key("journal") == made.key("journal")
    made.add_tpm(tcti=chip.tcti, pcrs="sha256:7,9")
    assert open_vault(made.folder, tcti=chip.tcti).key("journal") == made.key("journal")
    chip.extend(pcr=9)
    assert _code(made.folder, chip)[0] == "tpm-changed"


def test_another_chip_does_not_open_a_stolen_vault(
    chip: SoftTpm, made: Vault, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = SoftTpm(tmp_path_factory.mktemp("other"))
    other.start()
    try:
        assert _code(made.folder, other)[0] == "tpm-other"
    finally:
        other.stop()


def test_without_a_chip_another_way_is_asked_for(chip: SoftTpm, made: Vault, tmp_path: Path) -> None:
    chip.stop()
    assert find_tpm(chip.tcti) is None
    assert _code(made.folder, chip)[0] == "vault-passphrase-needed"
    assert "No TPM" in made.tpm_warning(tcti=chip.tcti)
    for change in (lambda: made.add_tpm(tcti=chip.tcti), lambda: made.rotate(passphrases=["a"], tcti=chip.tcti)):
        with pytest.raises(NeedsPerson) as error:
            change()
        assert error.value.code in {"tpm-missing", "vault-way-secret-needed"}
    made.add_key_file(tmp_path / "key")
    made.remove_way("passphrase")
    made.remove_way("key_file")
    with pytest.raises(NeedsPerson) as error:
        open_vault(made.folder, tcti=chip.tcti)
    assert error.value.code == "vault-way-missing"


def test_a_new_root_is_sealed_anew(chip: SoftTpm, made: Vault) -> None:
    old = (made.folder / "vault.json").read_bytes()
    chip.extend()  # even where the machine has changed: the vault is open, and the person is there
    new = made.rotate(passphrases=["a"], tcti=chip.tcti)
    assert all_keys(open_vault(made.folder, tcti=chip.tcti)) == all_keys(new)
    assert b'"sha256:7"' in old and old != (made.folder / "vault.json").read_bytes()


def test_only_the_policy_opens_what_was_sealed(chip: SoftTpm, tmp_path: Path) -> None:
    """An attacker at the machine, with the blobs and all commands, after the registers have changed."""
    sealed = Tpm(chip.tcti).seal(_SECRET)
    (tmp_path / "public").write_bytes(sealed.public)
    (tmp_path / "private").write_bytes(sealed.private)
    chip.extend()
    template = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt"
    primary = ("-C", "o", "-g", "sha256", "-G", "ecc256:aes128cfb", "-a", template, "-c", "primary")
    for command in (
        ("createprimary", *primary),
        ("flushcontext", "-t"),
        ("load", "-C", "primary", "-u", "public", "-r", "private", "-c", "sealed"),
        ("flushcontext", "-t"),
    ):
        assert chip.command(*command, cwd=tmp_path).returncode == 0
    for tried in ((), ("-p", ""), ("-p", "pcr:sha256:7")):
        done = chip.command("unseal", "-c", "sealed", *tried, cwd=tmp_path)
        assert done.returncode != 0 and _SECRET not in done.stdout
        chip.command("flushcontext", "-t")
    chip.restart()
    assert Tpm(chip.tcti).unseal(sealed) == _SECRET


def test_the_secret_is_in_no_argument_and_no_file(
    chip: SoftTpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command is run by a script that first keeps its arguments, its environment and all files it could see."""
    watch, kept, path = tmp_path / "bin", tmp_path / "kept", Path("/dev/shm")
    watch.mkdir()
    kept.mkdir()
    for name in ("createprimary", "createpolicy", "startauthsession", "sessionconfig", "create", "load", "policypcr",
                 "unseal", "flushcontext", "getcap"):  # fmt: skip
        real, note = shutil.which(f"tpm2_{name}"), f'"{kept}/{name}."$$'
        script = watch / f"tpm2_{name}"
        script.write_text(
            f'#!/bin/sh\n{{ printf "%s " "$@"; env; cat ./*; }} > {note} 2>/dev/null\n'
            f'{real} "$@"\nstatus=$?\ncat ./* >> {note} 2>/dev/null\nexit $status\n'
        )
        script.chmod(0o700)
    monkeypatch.setenv("PATH", str(watch), prepend=":")
    before = set(path.glob("hearthside-tpm-*"))
    tpm = Tpm(chip.tcti)
    sealed = tpm.seal(_SECRET)
    assert tpm.unseal(sealed) == _SECRET
    seen = [file.read_bytes() for file in kept.iterdir()]
    assert {file.name.split(".")[0] for file in kept.iterdir()} >= {"create", "unseal", "policypcr"}
    assert all(b"swtpm:path" in content for content in seen)
    assert any(sealed.private in content for content in seen)  # it does see the files
    for form in (_SECRET, _SECRET.hex().encode(), b"dGhpcnR5LXR3byBieXRlcyBlYXN5"):
        assert not any(form in content for content in seen)
    assert set(path.glob("hearthside-tpm-*")) == before  # and nothing is left behind


def test_registers_are_named_as_tpm2_tools_name_them(chip: SoftTpm) -> None:
    for wrong in ("7", "sha256:", "sha256:7;rm", "-T", "sha256:7+sha1:0", "sha256:7,"):
        with pytest.raises(ValueError):
            check_pcrs(wrong)
        with pytest.raises(ValueError):
            Tpm(chip.tcti).seal(_SECRET, wrong)
    with pytest.raises(NeedsPerson) as error:
        Tpm(chip.tcti).seal(_SECRET, "sha256:99")
    assert error.value.code == "tpm-refused"


def test_a_chip_that_falls_silent_says_so(chip: SoftTpm) -> None:
    tpm = Tpm(chip.tcti)
    sealed = tpm.seal(_SECRET)
    chip.stop()
    with pytest.raises(NeedsPerson) as error:
        tpm.unseal(sealed)
    assert error.value.code == "tpm-silent"


def test_without_tpm2_tools_there_is_no_tpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tpm("device:/dev/tpmrm0") is None
    with pytest.raises(NeedsPerson) as error:
        Tpm("device:/dev/tpmrm0").seal(_SECRET)
    assert error.value.code == "tpm-tools-missing"
