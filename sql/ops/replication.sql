-- Replication slots and the log that each keeps from being removed. One that nobody reads fills the disk: drop it.
SELECT
    s.slot_name,
    s.slot_type,
    s.active,
    s.wal_status,
    pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)) AS kept,
    age(s.xmin) AS transactions_held_back,
    s.inactive_since
FROM pg_replication_slots AS s
ORDER BY s.restart_lsn;
