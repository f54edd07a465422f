"""Measures a save: bare, audited by `audit_models`, by `django-auditlog`, and by SQLAlchemy-Continuum.

One column of a row of eight is changed and saved in a transaction, in SQLite in memory. Ours writes a
line to a pipe that is read, the others write rows to the same database. Each way runs in its own process,
because each changes its ORM; the result is the median of many rounds, and its ratio to the bare save.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

SAVES, ROUNDS = 100, 15
FIELDS = ("a", "b", "c", "d", "e", "f", "g")
WAYS = {
    "django": ("bare", "ours", "django-auditlog"),
    "sqlalchemy": ("bare", "ours", "sqlalchemy-continuum"),
}


def django(way: str) -> Callable[[int], None]:
    import django
    from django.conf import settings

    apps = ["django.contrib.contenttypes", "django.contrib.auth"]
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[*apps, "auditlog"] if way == "django-auditlog" else apps,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command
    from django.db import connection, models, transaction

    call_command("migrate", verbosity=0)
    members = {name: models.CharField(max_length=40, default="value") for name in FIELDS}
    meta = type("Meta", (), {"app_label": "auth"})
    model = type("Order", (models.Model,), {**members, "Meta": meta, "__module__": __name__})
    with connection.schema_editor() as editor:
        editor.create_model(model)
    if way == "ours":
        import audit_lib
        from audit_lib.capture.django import audit_models

        audit_models(model, logger=audit_lib.get_logger("bench").audit)
    elif way == "django-auditlog":
        from auditlog.registry import auditlog

        auditlog.register(model)
    row = model.objects.create()

    def save(number: int) -> None:
        with transaction.atomic():
            row.a = f"value {number}"
            row.save()

    return save


def sqlalchemy(way: str) -> Callable[[int], None]:
    import sqlalchemy as sa
    from sqlalchemy.orm import Session, configure_mappers, declarative_base

    if way == "sqlalchemy-continuum":
        from sqlalchemy_continuum import make_versioned

        make_versioned(user_cls=None)
    base = declarative_base()
    members = {name: sa.Column(sa.String(40), default="value") for name in FIELDS}
    versioned = {"__versioned__": {}} if way == "sqlalchemy-continuum" else {}
    key = {"id": sa.Column(sa.Integer, primary_key=True)}
    model = type("Order", (base,), {"__tablename__": "orders", **key, **members, **versioned})
    configure_mappers()
    engine = sa.create_engine("sqlite://")
    base.metadata.create_all(engine)
    session = Session(engine, expire_on_commit=False)
    if way == "ours":
        import audit_lib
        from audit_lib.capture.sqlalchemy import audit_models

        audit_models(model, logger=audit_lib.get_logger("bench").audit)
    row = model()
    session.add(row)
    session.commit()

    def save(number: int) -> None:
        row.a = f"value {number}"
        session.commit()

    return save


def microseconds(save: Callable[[int], None]) -> float:
    rounds = []
    for turn in range(ROUNDS):
        began = time.perf_counter()
        for number in range(SAVES):
            save(turn * SAVES + number)
        rounds.append((time.perf_counter() - began) / SAVES * 1e6)
    return statistics.median(rounds)


def measured(orm: str, way: str) -> float:
    """Run one way in its own process, and read its lines."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, orm, way],
        stdout=subprocess.PIPE, check=True, env=os.environ | {"PYTHONHASHSEED": "0"},
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("orm", nargs="?", choices=WAYS)
    parser.add_argument("way", nargs="?")
    arguments = parser.parse_args()
    if arguments.orm:
        save = {"django": django, "sqlalchemy": sqlalchemy}[arguments.orm](arguments.way)
        took = microseconds(save)
        sys.stdout.flush()
        os.write(1, b"\n%.1f\n" % took)
        os._exit(0)  # skips the chain's last line
    for orm, ways in WAYS.items():
        taken = {way: statistics.median(measured(orm, way) for _ in range(3)) for way in ways}
        result = {way: f"{us:.0f} us" for way, us in taken.items()}
        result |= {f"{way} of bare": f"{taken[way] / taken['bare']:.2f}" for way in ways[1:]}
        print(orm, json.dumps(result))


if __name__ == "__main__":
    main()
