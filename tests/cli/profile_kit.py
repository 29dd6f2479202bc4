# SPDX-License-Identifier: MIT
"""A practice account that only profiles lead to: nothing of it is in the environment.

    with Profiles("--recordings", "5") as place:
        place.config("profiles = { acme = %s }" % place.profile(token_cmd=["echo", place.token]))
        place.store("acme", SCREENDESK_TOKEN=place.token)
        place.moonlever("get", "screendesk", "recordings", "--profile", "acme")
"""
import os

from place_kit import Practice


def lua(value):
    """A Python value as Lua writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "{ %s }" % ", ".join(map(lua, value))
    if isinstance(value, dict):
        return "{ %s }" % ", ".join("[%s] = %s" % (lua(name), lua(part)) for name, part in value.items())
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"') if isinstance(value, str) else str(value)


class Profiles(Practice):
    def __init__(self, *flags):
        super().__init__(*flags)
        self.account = {name: value for name, value in self.env.items()
                        if name.startswith(("SCREENDESK_", "SCREENDRAGON_", "WORKDRIVE_"))}
        self.token = self.account["SCREENDESK_TOKEN"]
        self.directory = self.file("config/moonlever")
        os.makedirs(self.directory + "/credentials")
        for name in self.account:
            del self.env[name]
        self.env["XDG_CONFIG_HOME"] = self.file("config")

    def ask(self, method, path, body=None, token="SCREENDESK_TOKEN"):
        self.env.update(self.account)
        try:
            return super().ask(method, path, body, token)
        finally:
            for name in self.account:
                del self.env[name]

    def profile(self, **more):
        return lua({"service": "screendesk", "origin": self.url, **more})

    def config(self, text):
        with open(self.directory + "/config.lua", "w", encoding="utf-8") as file:
            file.write("return { %s }\n" % text)

    def store(self, profile, mode=0o600, origin=None, **secrets):
        """The file that `moonlever login` writes."""
        path = "%s/credentials/%s" % (self.directory, profile)
        with open(path, "w", encoding="utf-8") as file:
            file.write("service=screendesk\norigin=%s\n" % (origin or self.url))
            file.writelines("%s=%s\n" % pair for pair in secrets.items())
        os.chmod(path, mode)
        return path

    def get(self, *flags, code=0, **env):
        """Asks for one recording; the result."""
        done = self.moonlever("get", "screendesk", "recordings", "--limit", "1", *flags, **env)
        assert done.code == code, done
        return done
