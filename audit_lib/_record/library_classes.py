"""Converts objects of common libraries to values that `plain` can convert, found by class name.

No library is imported for it: an application that does not use pandas does not load it.
"""

from collections.abc import Callable
from typing import Any, Final

from .masking_rules import Mask, SensitiveValue
from .unreadable import BEYOND_LIMIT, UnreadableText

__all__ = ["CONVERSIONS"]

_MAX_ELEMENTS: Final = (
    100_000  # converting more takes seconds, and `plain` keeps a part of them only
)


def _secret(value: Any) -> SensitiveValue:
    return SensitiveValue(value.get_secret_value(), Mask())


def _array(value: Any) -> Any:
    if value.size > _MAX_ELEMENTS:
        return _large(value)
    times = value.dtype.kind in "mM"  # `tolist` makes integers of nanoseconds
    return (value.astype(str) if times else value).tolist()


def _scalar(value: Any) -> Any:
    item = value.item()
    return item if type(item) in {bool, int, float, complex, str, bytes, tuple} else str(value)


def _frame(value: Any) -> Any:
    return value.to_dict("split") if value.size <= _MAX_ELEMENTS else _large(value)


def _series(value: Any) -> Any:
    if value.size > _MAX_ELEMENTS:
        return _large(value)
    return {"name": value.name, "index": value.index.tolist(), "data": value.tolist()}


def _elements(value: Any) -> Any:
    return value.tolist() if len(value) <= _MAX_ELEMENTS else _large(value)


def _large(value: Any) -> UnreadableText:
    shape = " x ".join(str(length) for length in getattr(value, "shape", (len(value),)))
    text = f"<left out: {type(value).__name__} of {shape} values, over {_MAX_ELEMENTS}>"
    return UnreadableText(text, value, note=BEYOND_LIMIT)


CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "types.SimpleNamespace": vars,
    "argparse.Namespace": vars,
    "collections.UserString": str,
    "pydantic.types._SecretBase": _secret,
    "pydantic.networks._BaseUrl": str,
    "pydantic.networks._BaseMultiHostUrl": str,
    "pydantic.networks.NameEmail": str,
    "pydantic_core._pydantic_core.Url": str,
    "pydantic_core._pydantic_core.MultiHostUrl": str,
    "starlette.datastructures.Secret": lambda value: SensitiveValue(str(value), Mask()),
    "starlette.datastructures.URL": str,
    "httpx.URL": str,
    "yarl.URL": str,
    "yarl._url.URL": str,
    "django.utils.functional.Promise": str,
    "django.db.models.fields.files.FieldFile": lambda value: value.name,
    "bson.objectid.ObjectId": str,
    "sqlalchemy.engine.row.Row": lambda value: dict(value._mapping),  # noqa: SLF001 - its documented name
    "numpy.ndarray": _array,
    "numpy.generic": _scalar,
    "numpy.datetime64": str,
    "numpy.timedelta64": str,
    "pandas.DataFrame": _frame,
    "pandas.core.frame.DataFrame": _frame,
    "pandas.Series": _series,
    "pandas.core.series.Series": _series,
    "pandas.Index": _elements,
    "pandas.core.indexes.base.Index": _elements,
    "pandas.api.extensions.ExtensionArray": _elements,
    "pandas.core.arrays.base.ExtensionArray": _elements,
    "pandas.Timedelta": lambda value: value.isoformat(),
    "pandas._libs.tslibs.timedeltas.Timedelta": lambda value: value.isoformat(),
    "pandas._libs.tslibs.nattype._NaT": str,
    "pandas._libs.missing.C_NAType": str,
    "pandas._libs.tslibs.period._Period": str,
    "pandas._libs.interval.IntervalMixin": str,
}
"""The name of a class → the conversion of its objects and of those of subclasses.

The result is converted again, so it may contain any values.
"""
