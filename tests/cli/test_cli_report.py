"""``exec-algos report DIR``: the same page again from the folder alone, in memory or in shards."""

import shutil

import pytest
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.config import get_settings
from exec_algos.market.samples import load_samples
from exec_algos.market.store import BarStore
from exec_algos.studies.folder import WHOLE, StudyFolder, seal, unsealed

pytestmark = pytest.mark.slow
WORDS = ("--calendar", "XNYS", "--max-participation", "0.1", "--preset", "us_equity", "--symbols", "SYNMID,SYNTHIN")


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("bars") / "store"
    BarStore(place).write(load_samples()["XNYS"].select(["SYNMID", "SYNTHIN"]))
    return place


@pytest.fixture(scope="module", params=[None, "--no-fills"])
def study(request, store, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    done = run("study", store, *WORDS, "--out", out, *([] if request.param is None else [request.param]))
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def copy(study, tmp_path):
    return shutil.copytree(study, tmp_path / "copy")


def test_the_page_is_the_same_again_without_the_bars(copy):
    first = (copy / "report.html").read_bytes()
    (copy / "report.html").unlink()
    done = run("report", copy)
    assert (done.exit_code, done.stdout) == (0, f"written: {copy / 'report.html'}\n")
    assert (copy / "report.html").read_bytes() == first
    assert b"Not in this report" not in first
    assert b"no fill" not in first


def test_groups_and_currency_are_heard(copy):
    plain = (copy / "report.html").read_text(encoding="utf-8")
    assert run("report", copy, "--by", "weekday", "--currency", "EUR").exit_code == 0
    page = (copy / "report.html").read_text(encoding="utf-8")
    assert "By weekday" not in plain
    assert "By weekday" in page
    assert "(USD " in plain
    assert "(EUR " in page
    assert "(USD " not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--by", "wekday"), "did you mean weekday"),
        (("--currency", "dollars!"), "currency must be a code"),
        (("--currency", "SYNMDI=EUR,USD"), "did you mean SYNMID"),
    ],
)
def test_what_is_not_there_is_refused_and_the_page_stands(copy, words, said):
    before = (copy / "report.html").read_bytes()
    done = run("report", copy, *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert (copy / "report.html").read_bytes() == before


@pytest.mark.parametrize("file", ["parents.parquet", "shortfall.csv", "extreme_bars.parquet", "whole.json"])
def test_a_damaged_folder_makes_no_page(copy, file):
    (copy / "report.html").unlink()
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(bytes(content))
    done = run("report", copy)
    assert done.exit_code == 2
    assert "damaged" in done.stderr
    assert not (copy / "report.html").exists()


def test_a_folder_that_was_not_saved_to_its_end_says_what_it_lacks(copy):
    (copy / "whole.json").unlink()
    done = run("report", copy)
    assert done.exit_code == 2
    assert "it lacks whole.json, for it was not saved to its end, or by an earlier version" in done.stderr


def test_a_folder_of_an_earlier_version_says_what_it_lacks(copy):
    kept = StudyFolder(copy)
    written = unsealed(kept.get(WHOLE))
    (copy / "extreme_bars.parquet").unlink()
    files = {name: digest for name, digest in written["files"].items() if name != "extreme_bars.parquet"}
    kept.put(WHOLE, seal({**written, "files": files}))
    done = run("report", copy)
    assert done.exit_code == 2
    assert "it lacks extreme_bars.parquet, for an earlier version kept less; save the study again" in done.stderr


def test_a_url_is_refused_for_the_page_is_written_into_the_folder():
    done = run("report", "memory://somewhere")
    assert done.exit_code == 2
    assert "name one of this computer" in done.stderr


def test_a_folder_without_a_study_is_told(tmp_path):
    done = run("report", tmp_path)
    assert done.exit_code == 2
    assert "there is no study in" in done.stderr


def test_without_a_browser_the_page_is_written_and_the_pdf_is_not(copy, monkeypatch):
    monkeypatch.setenv("EXEC_ALGOS_BROWSER", "no-such-browser")
    get_settings.cache_clear()
    (copy / "report.html").unlink()
    try:
        done = run("report", copy, "--pdf")
    finally:
        get_settings.cache_clear()
    assert done.exit_code == 2
    assert "EXEC_ALGOS_BROWSER" in done.stderr
    assert (copy / "report.html").exists()


def test_of_a_study_in_shards_the_page_says_what_the_one_in_memory_says(store, study, tmp_path):
    assert run("study", store, *WORDS, "--resume", tmp_path / "shards").exit_code == 0
    assert run("report", tmp_path / "shards").exit_code == 0
    whole, shards = ((place / "report.html").read_text(encoding="utf-8") for place in (study, tmp_path / "shards"))
    for tag in ("answer", "more"):
        assert _of(whole, tag) == _of(shards, tag)
    assert "Implementation shortfall by its parts" in shards
    assert "Not in this report" not in shards


def test_of_shards_whose_store_is_gone_the_page_says_so(store, tmp_path):
    mine = shutil.copytree(store, tmp_path / "store")
    assert run("study", mine, *WORDS, "--resume", tmp_path / "shards").exit_code == 0
    shutil.rmtree(mine)
    done = run("report", tmp_path / "shards")
    assert done.exit_code == 0
    page = (tmp_path / "shards" / "report.html").read_text(encoding="utf-8")
    assert "Not in this report" in page
    assert "the bars are not there" in page


def _of(page, tag):
    return page.partition(f'class="{tag}">')[2].partition("</p>")[0]
