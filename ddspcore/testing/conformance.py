"""A plugin's whole test file: one pytest case for every component and promise."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from attrs import evolve

from ddspcore.testing.cases import Case, cases
from ddspcore.testing.promise import Unproved
from ddspcore.testing.setting import AUDIO, Setting


def conformance(
    module: ModuleType,
    *,
    options: Mapping[str, Mapping[str, object]] | None = None,
    exempt: Mapping[str, str] | None = None,
    setting: Setting = AUDIO,
) -> Callable[[Case], None]:
    """Return a test for pytest to collect: a case for each component of a plugin and each promise.

        test_conformance = conformance(ddsp_loss_melshape)

    `options` gives a component, by name, what a recipe would; `setting` is where it is tested, with
    sound by default. `exempt` maps a case's id to the reason why its promise cannot be kept: the
    case must then fail, so that an exemption nobody needs any more is noticed.
    Raises ValueError for an exemption without a reason, or of a case that there is not.
    """
    import pytest  # noqa: PLC0415  only those who test need it

    exempt = exempt or {}
    found = list(cases(module, evolve(setting, options=options or setting.options)))
    unknown = sorted(exempt.keys() - {case.id for case in found})
    if unknown:
        raise ValueError(f"exempt: there is no case {', '.join(unknown)}")
    unexplained = sorted(name for name, reason in exempt.items() if not reason.strip())
    if unexplained:
        raise ValueError(f"exempt: say why {', '.join(unexplained)} cannot be kept")

    def parameter(case: Case) -> Any:
        reason = exempt.get(case.id)
        marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
        return pytest.param(case, id=case.id, marks=marks)

    @pytest.mark.parametrize("case", [parameter(case) for case in found])
    def test_conformance(case: Case) -> None:
        try:
            case.check()
        except Unproved as unproved:
            pytest.skip(str(unproved))

    return test_conformance
