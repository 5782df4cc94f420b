"""The built-in components: a plugin like any other, entering by `core = ddspcore.builtin`."""
