"""Everything that will run, decided and checked beforehand."""
