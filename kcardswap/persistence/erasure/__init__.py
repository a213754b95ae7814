"""Where people leave traces: what erasing an account does to each table, and what an export shows of it.

``PERSONAL`` is the one list; a test walks all tables and fails for a reference to people that is not in it.
"""

from kcardswap.persistence.erasure.rules import GONE, Forget, Rule
from kcardswap.persistence.erasure.tables import PERSONAL, Exported, NotExported, Personal

__all__ = ["GONE", "PERSONAL", "Exported", "Forget", "NotExported", "Personal", "Rule"]
