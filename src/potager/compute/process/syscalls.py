"""The kernel calls that Python 3.11 does not wrap, by ctypes. Each raises `OSError`, naming the call.

Loaded before the fork, so that a child only calls.
"""

from __future__ import annotations

import ctypes
import os
import sys

LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4

_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS = 1, 24, 28
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442  # one number on every architecture, as all calls since Linux 5.1 have
_CAPABILITY_VERSION = 0x20080522
_SECUREBITS_NOROOT_LOCKED = 0b101111  # no root by uid, none kept or fixed up over setuid; all but the last locked


class _MountAttr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def _checked(call: str, result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leaves namespaces for new ones."""
    _checked("unshare", _libc.unshare(flags))


def enter_namespace(handle: int, kind: int) -> None:
    """Enters the namespace that `handle` has open."""
    _checked("setns", _libc.setns(handle, kind))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mounts, binds or changes propagation."""
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None
    )
    _checked(f"mount {target}", result)


def mount_attributes(target: str, put: int = 0, clear: int = 0, *, recursive: bool = False) -> None:
    """Sets and clears attributes of the mount at `target` (Linux 5.12)."""
    attributes = _MountAttr(put, clear, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    arguments = (_AT_FDCWD, os.fsencode(target), ctypes.c_uint(flags), ctypes.byref(attributes), size)
    _checked(f"mount_setattr {target}", _libc.syscall(ctypes.c_long(_MOUNT_SETATTR), *arguments))


def hostname(name: str) -> None:
    """Names the machine, in its own uts namespace."""
    raw = name.encode()
    _checked("sethostname", _libc.sethostname(raw, ctypes.c_size_t(len(raw))))


def die_with_parent(signal: int) -> None:
    """Has the kernel send `signal` to this process when its parent dies."""
    _prctl("die with parent", _PR_SET_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Makes this process the parent of its descendants' orphans."""
    _prctl("subreaper", _PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> None:
    """Makes set-user-id programs powerless for this process and its children, for ever."""
    _prctl("no_new_privs", _PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Gives up every capability and the ways to get one back."""
    _prctl("securebits", _PR_SET_SECUREBITS, _SECUREBITS_NOROOT_LOCKED)
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _checked("capset", _libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def _prctl(what: str, option: int, value: int) -> None:
    _checked(what, _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))
