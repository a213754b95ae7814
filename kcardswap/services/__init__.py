"""Use cases: one public function is one transaction."""

from kcardswap.persistence.unit_of_work import UnitOfWork as UnitOfWork
