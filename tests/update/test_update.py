"""Updates: only what is signed, newer and for this machine; never during an infusion; and back again (SEC-10)."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pumpd.idle import Activity
from pumpd.trust import public_text
from pumpd.update import store as stores
from pumpd.update.package import Package, Seen, unhealthy
from pumpd.update.steps import HostError, RefusedUpdateError, Update
from pumpd.update.store import Store
from tests.update.host import NEW, OLD, FakeHost, PowerCutError, deb

pytestmark = pytest.mark.requirement("SEC-10")

INFUSED = Activity(("pump bed1: has an infusion (running); it must end first",))
UNREADABLE = Activity((), "journal: damaged")


class Site:
    """A gateway, and a release with its key."""

    def __init__(self, folder, **host):
        self.key = Ed25519PrivateKey.generate()
        self.keys = folder / "update.pub"
        self.keys.write_text(public_text(self.key.public_key()))
        self.store = Store(folder / "updates")
        self.host = FakeHost(self.store, **host)
        self.file = folder / "new.deb"
        self.release(NEW)

    def release(self, package, key=None):
        self.file.write_bytes(deb(package))
        self.file.with_name("new.deb.sig").write_bytes((key or self.key).sign(deb(package)))

    def update(self, **how):
        return Update(self.store, self.host, self.keys).install(self.file, "root", **how)

    def roll_back(self):
        return Update(self.store, self.host, self.keys).roll_back("root")


@pytest.fixture
def make(tmp_path):
    return lambda **host: Site(tmp_path, **host)


def unchanged(site):
    return (site.host.package, site.host.whole, site.host.running, site.store.under_way) == (OLD, True, True, "")


def test_a_good_update_is_installed_and_the_old_version_is_kept(make):
    site = make()
    result = site.update()
    assert (result["outcome"], result["from"], result["to"]) == ("installed", OLD.version, NEW.version)
    assert (site.host.package, site.host.running, site.store.under_way) == (NEW, True, "")
    assert site.host.fields(site.store.previous) == OLD
    assert site.host.seconds >= 15, "long enough for a process that dies to be restarted several times"
    assert site.store.last == result


def changed_byte(site):
    site.file.write_bytes(site.file.read_bytes() + b" ")


def no_signature(site):
    site.file.with_name("new.deb.sig").unlink()


def another_key(site):
    site.release(NEW, Ed25519PrivateKey.generate())


def no_key(site):
    site.keys.unlink()


def empty_keys(site):
    site.keys.write_text("")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (changed_byte, "does not match"),
        (another_key, "does not match"),
        (no_signature, "No such file"),
        (no_key, "names no key"),
        (empty_keys, "does not hold"),
    ],
)
def test_what_no_trusted_key_signed_is_not_installed(make, what, expected):
    site = make()
    what(site)
    with pytest.raises(RefusedUpdateError, match=expected):
        site.update()
    assert unchanged(site)
    assert site.host.steps == 0


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (Package("pumpd", "0.9+deb12", "amd64"), "older than the installed"),
        (OLD, "is installed already"),
        (Package("pumpd", "1.1+deb12", "arm64"), "it is for arm64, this gateway is amd64"),
        (Package("pumpd", "1.1+deb13", "amd64"), "it is for Debian 13, this gateway has Debian 12"),
        (Package("pumpd", "1.1", "amd64"), "no Debian that its version names"),
        (Package("another", "1.1+deb12", "amd64"), "it is another, not pumpd"),
    ],
)
def test_a_signed_package_that_is_not_a_newer_one_for_this_machine_is_refused(make, package, expected):
    site = make()
    site.release(package)
    with pytest.raises(RefusedUpdateError, match=expected):
        site.update()
    assert unchanged(site)
    assert site.host.steps == 0


@pytest.mark.requirement("PWR-14")
def test_nothing_is_installed_while_a_patient_is_infused_or_observed(make):
    site = make(busy=INFUSED)
    with pytest.raises(RefusedUpdateError, match="has an infusion"):
        site.update(journal_unreadable=True)
    assert unchanged(site)
    assert site.host.steps == 0


@pytest.mark.requirement("PWR-14")
def test_an_infusion_that_begins_before_control_has_ended_is_seen(make):
    site = make(ordered_meanwhile=True)
    with pytest.raises(RefusedUpdateError, match="is under way"):
        site.update()
    assert unchanged(site)


@pytest.mark.requirement("PWR-14")
def test_an_unreadable_journal_refuses_unless_a_person_has_seen_the_pumps(make):
    site = make(busy=UNREADABLE)
    with pytest.raises(RefusedUpdateError, match="damaged"):
        site.update()
    assert unchanged(site)
    assert site.update(journal_unreadable=True)["outcome"] == "installed"


def test_a_version_that_does_not_come_up_is_rolled_back_and_the_reason_is_given(make):
    site = make(ill=frozenset({NEW.version}))
    result = site.update()
    assert result["outcome"] == "rolled back"
    assert "died and was restarted 3 times" in result["why"]
    assert unchanged(site)
    assert site.update()["outcome"] == "rolled back", "it may be tried again"


def test_what_dpkg_refuses_changes_nothing_and_control_runs_again(make):
    site = make(refuses="dpkg: the database is locked")
    result = site.update()
    assert (result["outcome"], result["why"]) == ("not installed", "dpkg: the database is locked")
    assert unchanged(site)


def test_without_a_way_back_nothing_is_changed(make):
    site = make(no_repack=True)
    with pytest.raises(RefusedUpdateError, match="no way back"):
        site.update()
    assert unchanged(site)


def test_when_neither_version_comes_up_it_is_said_and_the_next_boot_tries_again(make):
    site = make(ill=frozenset({NEW.version, OLD.version}))
    before, site.host.ill = site.host.ill, frozenset()
    seen = site.host.seen()
    site.host.ill = before
    site.host.seen, real = (lambda: seen), site.host.seen  # it was well before
    site.host.stop, stop = (lambda: (setattr(site.host, "seen", real), stop())), site.host.stop
    with pytest.raises(HostError, match="is not healthy either"):
        site.update()
    assert site.store.under_way
    with pytest.raises(RefusedUpdateError, match="was interrupted"):
        site.update()


@pytest.mark.parametrize("ill", [frozenset(), frozenset({NEW.version})])
def test_a_power_cut_at_any_step_leaves_one_whole_version_and_the_next_update_works(tmp_path, monkeypatch, ill):
    cuts = 0
    while True:
        folder = tmp_path / str(cuts)
        folder.mkdir()
        site = Site(folder, ill=ill, cut_at=cuts)
        with monkeypatch.context() as patch:
            _cut_in_files(patch, site.host)
            try:
                site.update()
                break
            except PowerCutError:
                cuts += 1
        site.host.boot()
        assert site.host.whole
        assert site.host.running
        assert site.host.package in (OLD, NEW), "one of the two"
        assert site.host.package == OLD or site.store.last["outcome"] == "installed", "a new one was seen healthy"
        assert site.store.under_way == ""
        site.host.ill = frozenset()
        if site.host.package == OLD:
            assert site.update()["outcome"] == "installed", cuts
        site.release(Package("pumpd", "1.2+deb12", "amd64"))
        assert site.update()["outcome"] == "installed", cuts
        assert site.host.fields(site.store.previous).version == NEW.version
    assert cuts > 12, "every step was tried"


def _cut_in_files(patch, host):
    """Every file that an update writes or moves is a step."""
    write, move, end = stores.replace_file, Store.move, Store.end

    def cut_write(path, raw):
        host.step(lambda: write(path, raw), lambda: path.with_name(f"{path.name}.new").write_bytes(raw[:3]))

    def cut_move(store, source, target):
        host.step(lambda: move(store, source, target))

    def cut_end(store, result):
        end(store, result)
        host.step(lambda: None)

    patch.setattr(stores, "replace_file", cut_write)
    patch.setattr(Store, "move", cut_move)
    patch.setattr(Store, "end", cut_end)


def test_an_update_that_was_killed_is_rolled_back_by_hand(make):
    site = make(cut_at=3)  # in the middle of dpkg
    with pytest.raises(PowerCutError):
        site.update()
    site.host.cut_at = None
    assert site.store.under_way
    assert site.roll_back()["outcome"] == "rolled back"
    assert unchanged(site)


def test_a_state_that_cannot_be_understood_is_not_healthy(make):
    host = make().host
    before, now = host.seen(), host.seen()
    assert unhealthy(before, now) == []
    now = Seen(now.units, {"journal": "ok"}, now.bedside)
    assert "not understood" in unhealthy(before, now)[0]
