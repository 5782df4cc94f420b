"""Every case there is: a component of a module and a promise that is asked of it."""

from collections.abc import Iterator
from typing import Literal

from attrs import evolve, frozen

from ddspcore.errors import UserError
from ddspcore.hooks import declared_components, implementations
from ddspcore.testing.promise import Broken, Promise, Unproved
from ddspcore.testing.promises import PROMISES
from ddspcore.testing.setting import Setting
from ddspcore.testing.subject import Subject

Verdict = Literal["kept", "broken", "unproved"]


@frozen
class Case:
    """One promise, asked of one component."""

    subject: Subject
    promise: Promise

    @property
    def id(self) -> str:
        """Name the case: `loss-mel-shape-is_one_number`."""
        component = self.subject.component
        return f"{component.kind}-{component.name}-{self.promise.name}"

    def check(self) -> None:
        """Raise Broken if the component does not keep the promise, Unproved if nobody can say."""
        try:
            self.promise.check(self.subject)
        except (Broken, Unproved) as found:
            raise type(found)(f"{self.subject}: {found}") from found.__cause__
        except UserError as error:
            if not isinstance(error.__context__, ImportError):
                raise
            raise Unproved(f"{self.subject}: {error}") from error  # an optional extra is not here

    def verdict(self) -> tuple[Verdict, str]:
        """Return how the case ends, and why where it is not kept."""
        try:
            self.check()
        except Broken as broken:
            return "broken", str(broken)
        except Unproved as unproved:
            return "unproved", str(unproved)
        except Exception as error:
            return "broken", f"{self.subject}: it raises {type(error).__name__}: {error}"
        return "kept", ""


def cases(module: object, setting: Setting) -> Iterator[Case]:
    """Yield the cases of every component that a plugin's hooks return."""
    for component in declared_components(implementations(module)):
        subject = Subject(component, evolve(setting, module=module))
        for promise in PROMISES.get(component.kind, ()):
            if _concerns(promise, subject):
                yield Case(subject, promise)


def _concerns(promise: Promise, subject: Subject) -> bool:
    try:
        return promise.when(subject)
    except Exception:  # what it declares cannot be read: the case says why
        return True
