-- How much log there is on disk and is written, how often checkpoints come before their time, and whether the archive
-- lags behind.
SELECT
    (SELECT pg_size_pretty(sum(f.size)) FROM pg_ls_waldir() AS f) AS on_disk,
    pg_size_pretty(w.wal_bytes) AS written,
    w.stats_reset AS written_since,
    c.num_timed AS checkpoints_in_time,
    c.num_requested AS checkpoints_forced,
    a.last_archived_time,
    a.failed_count AS archive_failures,
    a.last_failed_time
FROM pg_stat_wal AS w
CROSS JOIN pg_stat_checkpointer AS c
CROSS JOIN pg_stat_archiver AS a;
