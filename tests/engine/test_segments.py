"""Segments of a journal are found whatever a listing says."""

from raysearch import storage
from raysearch.engine import journal as module
from raysearch.engine import segments
from raysearch.engine.journal import Journal
from tests.engine.test_journal import MANIFEST, outcome


def test_segments_are_found_by_name_where_listings_lag(monkeypatch, tmp_path):
    url = f"memory://{tmp_path.name}/late"
    monkeypatch.setattr(module, "SEGMENT", 3)
    monkeypatch.setattr(storage, "files", lambda folder: [])  # what was written is not listed yet
    for session in range(2):
        journal = Journal(url, MANIFEST)
        for k in range(4):
            journal.record(outcome(session * 1000 + k))
    assert len(Journal(url, MANIFEST).outcomes) == 8
    begun = [path.rsplit("/", 1)[1][:6] for path in segments.paths(url)]
    assert begun == ["00000-", "00001-", "00002-", "00003-"], "no segment takes the number of another"
    storage.remove(segments.paths(url)[-1])  # as if its writer had been killed before the first line
    assert len(Journal(url, MANIFEST).outcomes) == 7


def test_a_damaged_index_counts_as_none_and_no_name_leads_out_of_the_folder(tmp_path):
    url = f"memory://{tmp_path.name}/damaged"
    Journal(url, MANIFEST).record(outcome(1))
    for text in ("[", "{}", "7", '["../../manifest.json"]'):
        storage.write(f"{url}/{segments.INDEX}", text)
        assert len(Journal(url, MANIFEST).outcomes) == 1
        assert all(path.startswith(f"{url}/outcomes/") for path in segments.paths(url))
