# SPDX-License-Identifier: MIT
"""What the scripts of this test want, and how it is seen on the server.

A piece of work knows its script and arguments, what each target should be in the end (`wanted`),
and how to read what it is (`actual`). Targets are named as in the journal: uuid, id, or the
userName of a create.

    work = KINDS["plus"](account, count=30, tag="7")
    work.wanted                      # {uuid: "Old title+", ...}
    work.verdict(uuid, work.actual(account))     # None, "lost: ..." or "duplicated: ..."
"""
import collections
import os

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts")


def roles_of(user):
    """The three flags in either form of the answer (SD-14)."""
    roles = user["roles"]
    if isinstance(roles, dict):
        roles = [name for name, on in roles.items() if on]
    return frozenset(role["value"] if isinstance(role, dict) else role for role in roles)


class Work:
    script = None        # file below scripts/
    is_create = False    # each target may be applied once at most
    can_undo = True      # so that `actual` shows it
    arguments = ()

    def __init__(self, account, count, tag):
        self.tag = tag
        self.before = self.actual(account)
        self.wanted = self.plan(count)

    def path(self):
        return os.path.join(SCRIPTS, self.script)

    def plan(self, count):
        raise NotImplementedError

    def actual(self, account):
        raise NotImplementedError

    def is_done(self, target, actual):
        return actual.get(target) == self.wanted[target]

    def verdict(self, target, actual):
        """What is wrong with a target that is not as wanted."""
        return "lost", "is %r and should be %r" % (actual.get(target), self.wanted[target])


class Retitle(Work):
    script = "retitle.lua"

    def plan(self, count):
        return {uuid: "crash " + uuid for uuid in self.before}

    def actual(self, account):
        return {rec["uuid"]: rec["title"] for rec in account.recordings()}


class Plus(Retitle):
    script = "plus.lua"

    def plan(self, count):
        return {uuid: (title or "") + "+" for uuid, title in self.before.items()}

    def verdict(self, target, actual):
        twice = (actual.get(target) or "").startswith(self.wanted[target] + "+")
        return "duplicated" if twice else "lost", super().verdict(target, actual)[1]


class Roles(Work):
    script = "roles.lua"

    def plan(self, count):
        return {id_: (roles | {"editor"}) - {"admin"} for id_, roles in self.before.items()}

    def actual(self, account):
        return {user["id"]: roles_of(user) for user in account.scim_users()}


class Create(Work):
    """`actual` counts users of a name: the server takes twins, so that a second one is seen."""
    script = "create.lua"
    is_create = True

    def plan(self, count):
        self.arguments = ["crash-%s-%d@crash.example" % (self.tag, n) for n in range(count)]
        return {name: 1 for name in self.arguments}

    def actual(self, account):
        return collections.Counter(user["userName"] for user in account.scim_users())

    def verdict(self, target, actual):
        there = actual.get(target, 0)
        return ("duplicated" if there > 1 else "lost"), "is there %d times" % there


class Delete(Work):
    script = "delete.lua"
    can_undo = False  # what comes back has another id

    def plan(self, count):
        self.arguments = [id_ for id_ in self.before if not self.before[id_]][:count]
        return {id_: None for id_ in self.arguments}

    def actual(self, account):
        """id -> may it not be deleted (the owner, who was there first)."""
        return {user["id"]: number == 0 for number, user in enumerate(account.scim_users())}

    def verdict(self, target, actual):
        return "lost", "is still there"


class Undone:
    """What a run has confirmed, as it was before the run. `report` is the run's."""
    is_create = False

    def __init__(self, work, report):
        confirmed = {change["target"] for change in report["changes"] if change["state"] == "confirmed"}
        self.work = work
        self.wanted = {target: work.before.get(target) for target in work.wanted if target in confirmed}

    def actual(self, account):
        actual = self.work.actual(account)
        return {target: actual.get(target) for target in self.wanted}

    def is_done(self, target, actual):
        return (actual[target] or None) == (self.wanted[target] or None)  # none of a name, and no title

    def verdict(self, target, actual):
        return "lost", "is %r and was %r before" % (actual[target], self.wanted[target])


KINDS = {"retitle": Retitle, "plus": Plus, "roles": Roles, "create": Create, "delete": Delete}
