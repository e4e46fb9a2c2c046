# SPDX-License-Identifier: Apache-2.0
"""Find and load the shared libraries, and make sure they are what _abi.py describes."""
import ctypes
import functools
import os
import pathlib

from . import _abi


class FarmiqError(Exception):
    """A refusal or a failure: `code` ("FARMIQ_E_SCHEMA"), `field`, `offset` or None."""

    def __init__(self, code, text, field="", offset=None):
        super().__init__(f"{code}: {field} {text}" if field else f"{code}: {text}")
        self.code, self.field, self.offset = code, field, offset


def _load(name):
    """Beside this file, in the folder FARMIQ_LIB names, then where the system looks."""
    file_name = f"lib{name}.so.0"
    folders = [pathlib.Path(__file__).parent]
    if os.environ.get("FARMIQ_LIB"):
        folders += [pathlib.Path(part) for part in os.environ["FARMIQ_LIB"].split(":")]
    for folder in folders:
        if (folder / file_name).exists():
            return ctypes.CDLL(str(folder / file_name), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(file_name, mode=ctypes.RTLD_GLOBAL)


def _declare(library):
    for name, (result, arguments) in _abi.FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is not None:
            function.restype, function.argtypes = result, arguments
    return library


def _verify(library):
    """A struct of another size would be read at the wrong places: refuse to start."""
    number = library.farmiq_version_number()
    if number // 10000 != _abi.FARMIQ_VERSION_MAJOR or number < _abi.FARMIQ_VERSION_NUMBER:
        raise ImportError(f"libfarmiq is version {number}, this module was made for "
                          f"{_abi.FARMIQ_VERSION_NUMBER}")
    for name, struct in _abi.STRUCTS.items():
        size = library.farmiq_struct_size(name.encode())
        if size and size != ctypes.sizeof(struct):
            raise ImportError(f"{name}: {size} bytes in libfarmiq, "
                              f"{ctypes.sizeof(struct)} in _abi.py")


core = _declare(_load("farmiq"))
_verify(core)


@functools.lru_cache(maxsize=None)
def sqlite():
    """libfarmiq-sqlite, loaded when it is first needed."""
    return _declare(_load("farmiq-sqlite"))


def sized(name):
    """A struct with its defaults, as its _init function sets them."""
    value = getattr(_abi, name)()
    getattr(core, f"{name}_init")(value, ctypes.sizeof(value))
    return value


def text_of(borrowed):
    """A farmiq_str as text; it is copied, so it may outlive its owner."""
    return ctypes.string_at(borrowed.ptr, borrowed.len).decode() if borrowed.len else ""


def check(code, error=None):
    """Raise for a failure, return an answer."""
    if code >= 0:
        return code
    name = core.farmiq_errname(code).decode()
    if error is not None and error.code:
        offset = None if error.offset == 0xFFFFFFFF else error.offset
        raise FarmiqError(name, error.detail.decode(), error.field.decode(), offset)
    raise FarmiqError(name, core.farmiq_strerror(code).decode())
