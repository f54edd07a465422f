"""Django models that are audited automatically, in a process of their own."""

import json
import subprocess
import sys

import pytest

import audit_lib

SET_UP = """
import django, json, sys
from django.conf import settings
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
import audit_lib
from django.db import connection, models, transaction
from django.db.models import F
from audit_lib.capture.django import audit_models

class Tag(models.Model):
    class Meta: app_label = "auth"

class Show(models.Model):
    count = models.IntegerField(default=0)
    at = models.TimeField(null=True)
    price = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    api_token = models.CharField(max_length=20, null=True)
    changed = models.DateTimeField(auto_now=True)
    tags = models.ManyToManyField(Tag, related_name="shows")
    owner = models.ForeignKey(Tag, null=True, on_delete=models.SET_NULL, related_name="+")
    class Meta: app_label = "auth"

with connection.schema_editor() as editor:
    editor.create_model(Tag)
    editor.create_model(Show)
audit_models(Show, logger=audit_lib.get_logger("shop").audit, exclude={"changed"})
audit_models(Show, logger=audit_lib.get_logger("shop").audit, exclude={"changed"})
show = Show.objects.create(count=8, price="5.50")
"""
CREATED = ("show-created", {}, {"id": 1, "count": 8, "price": 5.5})


def told(program: str) -> list[tuple[str, object, object]]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SET_UP + program],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines() if line]
    return [
        (each["event"]["action"], each["changes"].get("before"), each["changes"].get("after"))
        for each in documents
        if "changes" in each
    ]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("", []),
        ("show.count = 9; show.save()", [("show-updated", {"count": 8}, {"count": 9})]),
        ("show.count = '8'; show.price = '5.5'; show.save()", []),
        (
            "show.count = F('count') + 1; show.save()",
            [("show-updated", {"count": 8}, {"count": 9})],
        ),
        ("show.save()", []),
        (
            "show.count = 9; show.price = 1; show.save(update_fields=['price'])",
            [("show-updated", {"price": 5.5}, {"price": 1})],
        ),
        (
            "other = Show.objects.get(); Show.objects.filter(id=1).update(count=1)\n"
            "other.count = 2; other.save()",
            [
                ("show-updated", {"count": 8}, {"count": 1}),
                ("show-updated", {"count": 1}, {"count": 2}),
            ],
        ),
        (
            "Show.objects.update_or_create(id=1, defaults={'count': 3})",
            [("show-updated", {"count": 8}, {"count": 3})],
        ),
        (
            "show.api_token = 'tok-123'; show.save()",
            [("show-updated", {"api_token": None}, {"api_token": "***"})],
        ),
        (
            "show.delete()",
            [
                (
                    "show-deleted",
                    {
                        "id": 1,
                        "count": 8,
                        "price": 5.5,
                        "at": None,
                        "api_token": None,
                        "owner_id": None,
                    },
                    {},
                )
            ],
        ),
        (
            "Show.objects.all().delete()",
            [
                (
                    "show-deleted",
                    {
                        "id": 1,
                        "count": 8,
                        "price": 5.5,
                        "at": None,
                        "api_token": None,
                        "owner_id": None,
                    },
                    {},
                )
            ],
        ),
        (
            "with transaction.atomic():\n"
            "  show.count = 9; show.save()\n"
            "  transaction.set_rollback(True)",
            [],
        ),
        (
            "with transaction.atomic():\n"
            "  show.count = 9; show.save()\n"
            "  try:\n"
            "    with transaction.atomic():\n"
            "      show.count = 10; show.save(); raise KeyError\n"
            "  except KeyError: pass",
            [("show-updated", {"count": 8}, {"count": 9})],
        ),
        (
            "tag = Tag.objects.create(); show.tags.add(tag); show.tags.add(tag)\n"
            "show.tags.set([tag]); show.tags.clear()",
            [
                ("show-updated", {"tags": {}}, {"tags": {"1": "1"}}),
                ("show-updated", {"tags": {"1": "1"}}, {"tags": {}}),
            ],
        ),
        (
            "tag = Tag.objects.create(); tag.shows.add(show); tag.shows.remove(show)",
            [
                ("show-updated", {"tags": {}}, {"tags": {"1": "1"}}),
                ("show-updated", {"tags": {"1": "1"}}, {"tags": {}}),
            ],
        ),
        (
            "Show.objects.bulk_create([Show(count=n) for n in (1, 2)])",
            [
                ("show-created", {}, {"id": 2, "count": 1}),
                ("show-created", {}, {"id": 3, "count": 2}),
            ],
        ),
        (
            "show.count = 4; Show.objects.bulk_update([show], ['count'])",
            [("show-updated", {"count": 8}, {"count": 4})],
        ),
        ("Tag.objects.create(); Tag.objects.all().delete()", []),
    ],
)
def test_what_holds_is_told(program: str, expected: list[object]) -> None:
    assert told(program) == [CREATED, *expected]


def test_a_record_says_which_code_asked_for_it() -> None:
    program = "def act():\n  show.count = 9; show.save()\nact()\nwith transaction.atomic(): act()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SET_UP + program + "\nshow.delete()"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = [json.loads(line) for line in done.stdout.splitlines() if '"changes"' in line]
    functions = [each["log"]["origin"]["function"] for each in said]
    assert functions == ["<module>", "act", "<module>"]
    assert {each["log"]["origin"]["file"]["name"] for each in said} == {"<string>"}


def test_a_query_set_tells_the_rows_that_it_changed() -> None:
    said = told(
        "Show.objects.bulk_create([Show(count=5 if n < 3 else n) for n in range(500)])\n"
        "Show.objects.exclude(id=1).update(count=5)"
    )
    changed = [each for each in said if each[0] == "show-updated"]
    assert len(changed) == 496  # three were made so, and the sixth row's number is 5
    assert {each[2]["count"] for each in changed} == {5}  # type: ignore[index]


def test_very_many_rows_and_uncertain_ones_are_one_record() -> None:
    program = SET_UP + (
        "Show.objects.bulk_create([Show() for _ in range(1200)]); Show.objects.update(count=5)\n"
        "Show.objects.bulk_create([Show(id=1), Show(id=5000)], ignore_conflicts=True)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    said = [json.loads(line) for line in done.stdout.splitlines() if line]
    [many] = [each for each in said if each["event"].get("action") == "show-bulk-updated"]
    [unsure] = [each for each in said if each["event"].get("action") == "show-bulk-created"]
    assert many["changes"]["count"] == 1201
    assert unsure["event"]["outcome"] == "unknown"
    assert "not certain" in unsure["event"]["reason"]
    assert audit_lib.verify(done.stdout.splitlines()).complete


def test_what_is_no_model_is_refused() -> None:
    said = told(
        "try: audit_models(str, logger=audit_lib.get_logger('x').audit)\n"
        "except audit_lib.CaptureError as error: assert 'pass concrete model classes' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    assert said == [CREATED]


def test_what_others_do_after_a_commit_keeps_no_record_back() -> None:
    program = """
def fail(): raise ValueError("somebody else's")
try:
    with transaction.atomic():
        transaction.on_commit(fail)
        show.count = 9; show.save()
        Show.objects.create(count=1)
except ValueError as error: print(error, file=sys.stderr)
"""
    assert [action for action, *_ in told(program)] == [
        "show-created",
        "show-updated",
        "show-created",
    ]


def test_a_record_that_is_lost_takes_no_other_one_with_it() -> None:
    program = """
class Once:
    refusing = True
    def write(self, text):
        if self.refusing and '"show-' in text:
            self.refusing = False
            raise OSError("full")
        return sys.__stdout__.write(text)
    def flush(self): sys.__stdout__.flush()
sys.stdout = Once()
audit_lib.configure(on_failure="raise")
ran = []
try:
    with transaction.atomic():
        show.count = 9; show.save()
        transaction.on_commit(lambda: ran.append(1))
        Show.objects.create(count=1)
        Show.objects.create(count=2)
    raise SystemExit("nothing was raised")
except audit_lib.RecordLostError as error:
    assert "show-updated" in str(error), error
assert ran == [1]
"""
    assert [after["count"] for _, _, after in told(program)] == [8, 1, 2]


def test_a_released_model_is_audited_no_more_and_the_listening_ends() -> None:
    program = """
from audit_lib.capture.django import release_models
from django.db.models import QuerySet, signals
release_models(Tag)  # never audited: ignored
show.count = 9; show.save()
with transaction.atomic():
    show.count = 10; show.save()
    release_models(Show)
    show.count = 11; show.save(); Show.objects.update(count=12); Show.objects.create(count=5)
assert not any(each[0] == ("audit_lib") or each[0][0] == "audit_lib"
               for signal in (signals.pre_save, signals.post_save, signals.m2m_changed)
               for each in signal.receivers)
assert not hasattr(QuerySet.update, "_audit_lib") and not hasattr(QuerySet.bulk_create, "_audit_lib")
audit_models(Show, logger=audit_lib.get_logger("shop").audit)
Show.objects.filter(pk=1).update(count=13)
release_models()
Show.objects.filter(pk=1).update(count=14)
"""
    assert told(program)[1:] == [
        ("show-updated", {"count": 8}, {"count": 9}),
        ("show-updated", {"count": 9}, {"count": 10}),
        ("show-updated", {"count": 12}, {"count": 13}),
    ]


@pytest.mark.parametrize("name", ["owner", "owner_id"])
def test_an_excluded_foreign_key_is_not_written(name: str) -> None:
    program = f"""
audit_models(Show, logger=audit_lib.get_logger("shop").audit, exclude={{"changed", {name!r}}})
show.owner = Tag.objects.create()
show.save()
Show.objects.update(owner=None)
Show.objects.create(owner=show.owner)
"""
    assert told(program) == [CREATED, ("show-created", {}, {"id": 2, "count": 0})]
